// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a query needs of its inputs: columns, a limit, and conditions that its rows will be asked for anyway.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema};
use bowyer_compute::{CastMode, OptionValue};
use datafusion_common::ScalarValue;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::literal::array_of;
use crate::plan::{BoundPlan, Relation, RelationKind};
use crate::program::{NodeKind, Program};
use crate::proto;
use crate::types::field_to_proto;

/// A request for each input of the plan, in its order.
pub(crate) fn scan_requests(plan: &BoundPlan) -> Vec<proto::ScanRequest> {
    let uses = plan.use_counts();
    let requests = plan.inputs.iter().enumerate().map(|(input, bound)| {
        let scans: Vec<(usize, &Vec<usize>)> = plan
            .relations
            .iter()
            .enumerate()
            .filter(|(index, _)| uses[*index] > 0)
            .filter_map(|(index, relation)| match &relation.kind {
                RelationKind::Scan { input: of, columns } if *of == input => Some((index, columns)),
                _ => None,
            })
            .collect();
        let columns: BTreeSet<usize> = scans.iter().flat_map(|(_, columns)| columns.iter().copied()).collect();
        let mut request = proto::ScanRequest {
            input: bound.name.clone(),
            columns: columns.iter().map(|&column| bound.schema.field(column).name().clone()).collect(),
            scan_count: u32::try_from(scans.len()).unwrap_or(u32::MAX),
            ..proto::ScanRequest::default()
        };
        if let [(scan, _)] = scans[..] {
            request.limit = row_limit(plan, &uses, scan);
            advise(plan, &uses, scan, &mut request);
        }
        request
    });
    requests.collect()
}

/// The only reader of a relation, if there is just one and it is no output.
fn only_reader(plan: &BoundPlan, uses: &[usize], relation: usize) -> Option<usize> {
    if uses[relation] != 1 {
        return None;
    }
    let mut readers = (relation + 1..plan.relations.len())
        .filter(|&reader| uses[reader] > 0 && plan.relations[reader].kind.inputs().contains(&relation));
    readers.next()
}

/// The rows after which nobody reads on.
fn row_limit(plan: &BoundPlan, uses: &[usize], scan: usize) -> Option<u64> {
    let mut relation = scan;
    while let Some(reader) = only_reader(plan, uses, relation) {
        match &plan.relations[reader].kind {
            RelationKind::Limit { offset, count: Some(count), .. } => return offset.checked_add(*count),
            // Rows that are set aside do not count.
            RelationKind::Project { .. } if plan.relations[reader].rejects.is_none() => relation = reader,
            _ => return None,
        }
    }
    None
}

/// Adds the conjuncts of a filter right above the scan without which no row is kept.
fn advise(plan: &BoundPlan, uses: &[usize], scan: usize, request: &mut proto::ScanRequest) {
    let Some((program, conjuncts)) = conjuncts(plan, uses, scan) else { return };
    let schema = &plan.relations[scan].schema;
    let mut written = Written { program, schema, expressions: Vec::new(), places: vec![None; program.nodes.len()] };
    let mut roots = Vec::new();
    for conjunct in conjuncts {
        let before = written.expressions.len();
        match written.node(conjunct) {
            Some(root) => roots.push(root),
            None => written.forget_from(before),
        }
    }
    let mut roots = roots.into_iter();
    let Some(first) = roots.next() else { return };
    let mut filter = first;
    for root in roots {
        let call = proto::Call { function: "and_kleene".to_owned(), arguments: vec![filter, root], options: vec![] };
        filter = written.push(proto::expression::Kind::Call(call));
    }
    request.expressions = written.expressions;
    request.filter = Some(filter);
}

/// The conjuncts of a filter right above the scan: no row for which one is not true is kept, or makes the filter fail.
fn conjuncts<'a>(plan: &'a BoundPlan, uses: &[usize], scan: usize) -> Option<(&'a Program, Vec<usize>)> {
    let reader = only_reader(plan, uses, scan)?;
    let RelationKind::Filter { program, predicates, .. } = &plan.relations[reader].kind else { return None };
    let mut found = Vec::new();
    for &predicate in predicates {
        let fallible = program.nodes[predicate].fallible;
        let mut pending = vec![predicate];
        while let Some(node) = pending.pop() {
            match &program.nodes[node].kind {
                NodeKind::Call { bound, arguments, .. } if matches!(bound.function().name, "and" | "and_kleene") => {
                    pending.extend(arguments.iter().rev());
                }
                // What fails is met by the rows that were kept so far, and by those for which it is not known yet.
                _ if program.nodes[node].fallible => return Some((program, found)),
                _ if fallible && !program.never_null(node) => return Some((program, found)),
                _ => found.push(node),
            }
        }
    }
    Some((program, found))
}

/// Between which values a column of an input lies in the rows that a query keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanBound {
    /// The column's name.
    pub column: String,
    /// One value that none is less than, if there is one.
    pub least: Option<ArrayRef>,
    /// One value that none is greater than, if there is one.
    pub greatest: Option<ArrayRef>,
}

/// The bounds of each input of the plan, in its order.
pub(crate) fn scan_bounds(plan: &BoundPlan) -> Vec<Vec<ScanBound>> {
    let uses = plan.use_counts();
    let mut bounds: Vec<Vec<ScanBound>> = vec![Vec::new(); plan.inputs.len()];
    for (index, relation) in plan.relations.iter().enumerate().filter(|(index, _)| uses[*index] > 0) {
        let RelationKind::Scan { input, .. } = relation.kind else { continue };
        let only = |(other, relation): (usize, &Relation)| {
            other == index
                || uses[other] == 0
                || !matches!(relation.kind, RelationKind::Scan { input: of, .. } if of == input)
        };
        if !plan.relations.iter().enumerate().all(only) {
            continue;
        }
        let Some((program, conjuncts)) = conjuncts(plan, &uses, index) else { continue };
        bounds[input].extend(conjuncts.iter().filter_map(|&node| scan_bound(program, &relation.schema, node)));
    }
    bounds
}

/// What a comparison of a column with a constant says.
fn scan_bound(program: &Program, schema: &Schema, node: usize) -> Option<ScanBound> {
    let NodeKind::Call { bound, arguments, .. } = &program.nodes[node].kind else { return None };
    let &[first, second] = arguments.as_slice() else { return None };
    let kinds = (&program.nodes[first].kind, &program.nodes[second].kind);
    let (column, value, turned) = match kinds {
        (NodeKind::Column(column), NodeKind::Literal(value)) => (*column, value, false),
        (NodeKind::Literal(value), NodeKind::Column(column)) => (*column, value, true),
        _ => return None,
    };
    let field = schema.field(column);
    if value.is_null() || value.data_type() != *field.data_type() {
        return None;
    }
    let (lower, upper) = match (bound.function().name, turned) {
        ("equal", _) => (true, true),
        ("less" | "less_equal", false) | ("greater" | "greater_equal", true) => (false, true),
        ("greater" | "greater_equal", false) | ("less" | "less_equal", true) => (true, false),
        _ => return None,
    };
    let value = array_of(value).ok()?;
    let column = field.name().clone();
    Some(ScanBound { column, least: lower.then(|| value.clone()), greatest: upper.then_some(value) })
}

/// Nodes written back as expressions of the contract.
struct Written<'a> {
    program: &'a Program,
    schema: &'a Schema,
    expressions: Vec<proto::Expression>,
    places: Vec<Option<u32>>,
}

impl Written<'_> {
    fn push(&mut self, kind: proto::expression::Kind) -> u32 {
        self.expressions.push(proto::Expression { kind: Some(kind), parameter_type: None });
        u32::try_from(self.expressions.len() - 1).unwrap_or(u32::MAX)
    }

    fn forget_from(&mut self, length: usize) {
        self.expressions.truncate(length);
        for place in &mut self.places {
            place.take_if(|place| *place as usize >= length);
        }
    }

    /// The expression of a node and those below it; `None` where one cannot be written.
    fn node(&mut self, root: usize) -> Option<u32> {
        let needed = self.program.needed(&[root], true);
        for index in (0..=root).filter(|&index| needed[index]) {
            if self.places[index].is_none() {
                let kind = self.kind(index)?;
                self.places[index] = Some(self.push(kind));
            }
        }
        self.places[root]
    }

    fn kind(&self, index: usize) -> Option<proto::expression::Kind> {
        use proto::expression::Kind;
        let node = &self.program.nodes[index];
        Some(match &node.kind {
            NodeKind::Column(column) => Kind::Column(self.schema.fields().get(*column)?.name().clone()),
            NodeKind::Literal(value) => Kind::Literal(literal(value)?),
            NodeKind::Parameter(_) | NodeKind::List(_) | NodeKind::Element => return None,
            NodeKind::Cast { argument, to, mode } => Kind::Cast(proto::Cast {
                argument: self.places[*argument]?,
                r#type: Some(field_to_proto(&Field::new("", to.clone(), true)).ok()?),
                r#try: matches!(mode, CastMode::Try),
            }),
            NodeKind::Call { bound, arguments, .. } => Kind::Call(proto::Call {
                function: bound.function().name.to_owned(),
                arguments: arguments.iter().map(|&argument| self.places[argument]).collect::<Option<_>>()?,
                options: options(bound)?,
            }),
        })
    }
}

fn options(bound: &bowyer_compute::Bound) -> Option<Vec<proto::Option>> {
    use proto::literal::Value;
    let specs = bound.function().options.iter();
    let written = specs.map(|spec| {
        let plain = |value| proto::Literal { value: Some(value), r#type: None };
        let value = match bound.options().get(spec.name).ok()? {
            OptionValue::Null => plain(Value::Null(true)),
            OptionValue::Boolean(value) => plain(Value::Boolean(*value)),
            OptionValue::Integer(value) => plain(Value::Int64(*value)),
            OptionValue::Float(value) => plain(Value::Float64(*value)),
            OptionValue::Utf8(value) => plain(Value::Utf8(value.clone())),
            OptionValue::Type(data_type) => proto::Literal {
                value: Some(Value::Null(true)),
                r#type: Some(field_to_proto(&Field::new("", data_type.clone(), true)).ok()?),
            },
            OptionValue::Array(_) => return None,
        };
        Some(proto::Option { name: spec.name.to_owned(), value: Some(value) })
    });
    written.collect()
}

/// A constant as an Arrow value: exact for every type.
fn literal(value: &ScalarValue) -> Option<proto::Literal> {
    let field = Field::new("value", value.data_type(), true);
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let batch = RecordBatch::try_new(schema.clone(), vec![array_of(value).ok()?]).ok()?;
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &schema).ok()?;
    writer.write(&batch).ok()?;
    writer.finish().ok()?;
    Some(proto::Literal { value: Some(proto::literal::Value::Ipc(bytes)), r#type: Some(field_to_proto(&field).ok()?) })
}
