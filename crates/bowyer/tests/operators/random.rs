// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Random plans over random rows: the same answer, or the same error, with all rewrites, with each left out, and with
//! none.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::util::display::array_value_to_string;
use bowyer::arrow_array::{ArrayRef, Int64Array, RecordBatch};
use bowyer::{Config, Engine, Error, Input, Plan, REWRITES};

use crate::steps;

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// A plan as it grows: its steps, the columns that it has, and whether its order is promised.
struct Growing {
    steps: Vec<String>,
    columns: Vec<String>,
    ordered: bool,
    named: usize,
}

impl Growing {
    fn column(&self, random: &mut Random) -> String {
        self.columns[random.below(self.columns.len())].clone()
    }

    fn value(&self, random: &mut Random, depth: usize) -> String {
        if depth == 0 || random.below(3) == 0 {
            return if random.below(4) == 0 { format!("{}", random.below(5)) } else { self.column(random) };
        }
        let (left, right) = (self.value(random, depth - 1), self.column(random));
        match random.below(8) {
            0 => format!("add({left}, {right})"),
            1 => format!("add_checked({right}, {left})"),
            2 => format!("subtract({right}, 2)"),
            3 => format!("multiply(add(1, 2), {right})"),
            4 => format!("coalesce({right}, {left})"),
            5 => format!("if_else({}, {right}, {left})", self.predicate(random, depth - 1)),
            6 => format!("divide({left}, {right})"),
            _ => format!("negate({right})"),
        }
    }

    fn predicate(&self, random: &mut Random, depth: usize) -> String {
        if depth > 0 && random.below(2) == 0 {
            let (left, right) = (self.predicate(random, depth - 1), self.predicate(random, depth - 1));
            return match random.below(4) {
                0 => format!("or_kleene({left}, {right})"),
                1 => format!("invert({left})"),
                _ => format!("and_kleene({left}, {right})"),
            };
        }
        let column = self.column(random);
        match random.below(6) {
            0 => format!("is_valid({column})"),
            1 => format!("is_null({column})"),
            2 => format!("less(divide(10, {column}), {column})"),
            3 => "greater(2, 1)".to_owned(),
            _ => {
                let compare = random.pick(&["less", "greater_equal", "equal", "not_equal"]);
                format!("{compare}({column}, {})", random.below(8))
            }
        }
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("n{}", self.named)
    }

    fn step(&mut self, random: &mut Random) {
        let step = match random.below(11) {
            0..=2 => format!("filter {}", self.predicate(random, 2)),
            3 | 4 => {
                let (value, name) = (self.value(random, 2), self.name());
                self.columns.push(name.clone());
                // A bare constant or column would be as good; a call is always allowed here.
                format!("with add({value}, 0) as {name}")
            }
            5 => self.select(random),
            6 => format!("sort {}{}", self.column(random), random.pick(&["", " desc", " nulls first"])),
            7 if self.ordered => format!("limit {} offset {}", random.below(30), random.below(4)),
            8 if self.ordered => {
                self.ordered = false;
                format!("distinct {}", self.column(random))
            }
            9 => self.aggregate(random),
            10 => self.join(random),
            _ => return,
        };
        self.steps.push(step);
    }

    fn select(&mut self, random: &mut Random) -> String {
        let mut kept = Vec::new();
        let mut columns = Vec::new();
        for column in self.columns.clone() {
            if random.below(4) > 0 {
                let name = self.name();
                kept.push(format!("{column} as {name}"));
                columns.push(name);
            }
        }
        if kept.is_empty() {
            return format!("limit {}", 1 << 20);
        }
        self.columns = columns;
        format!("select {}", kept.join(", "))
    }

    fn aggregate(&mut self, random: &mut Random) -> String {
        self.ordered = false;
        let (key, value) = (self.column(random), self.column(random));
        let function = random.pick(&["min", "max", "count", "sum_checked"]);
        let name = self.name();
        self.columns = vec![key.clone(), name.clone()];
        format!("aggregate by {key}: {function}({value}) as {name}")
    }

    fn join(&mut self, random: &mut Random) -> String {
        self.ordered = false;
        let (kind, key, suffix) = (random.pick(&["inner", "left", "semi", "anti"]), self.column(random), self.name());
        if matches!(kind, "inner" | "left") {
            // The right side has `a` and `b`; those that are there already get the suffix.
            for right in ["a", "b"] {
                if key == right && right == "a" {
                    continue;
                }
                let taken = self.columns.iter().any(|column| column == right);
                self.columns.push(if taken { format!("{right}{suffix}") } else { right.to_owned() });
            }
        }
        format!("join {kind} u on {key} = a suffix {suffix}")
    }
}

fn grow(random: &mut Random) -> Growing {
    let columns = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut growing = Growing { steps: vec!["t".to_owned()], columns, ordered: true, named: 0 };
    for _ in 0..2 + random.below(6) {
        growing.step(random);
    }
    growing
}

fn rows(random: &mut Random, names: &[&str]) -> RecordBatch {
    let count = random.below(40);
    let least = random.below(4) as i64;
    let columns = names.iter().map(|name| {
        let values = (0..count).map(|_| (random.below(7) > 0).then(|| random.below(9) as i64 + least - 3));
        (*name, Arc::new(values.collect::<Int64Array>()) as ArrayRef, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}

fn answer(engine: &Engine, plan: &Plan, t: &RecordBatch, u: &RecordBatch, ordered: bool) -> Result<Vec<String>, Error> {
    let batches = |batch: &RecordBatch| {
        let starts = (0..batch.num_rows()).step_by(7);
        Input::batches(starts.map(|first| batch.slice(first, 7.min(batch.num_rows() - first))).collect())
    };
    let mut lines = Vec::new();
    for batch in engine.run(plan, [("t", batches(t)), ("u", batches(u))])? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
            lines.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    if !ordered {
        lines.sort();
    }
    Ok(lines)
}

/// What tells two outcomes apart; which of several failing rows is named depends on the order.
fn told(outcome: Result<Vec<String>, Error>, ordered: bool) -> String {
    match outcome {
        Ok(lines) => lines.join("\n"),
        Err(error) if ordered => {
            let place = error.place();
            format!("{:?} {:?} {:?} {:?} {:?}", error.code(), place.path, place.input, place.batch, place.row)
        }
        Err(_) => "failed".to_owned(),
    }
}

#[test]
fn random_plans_answer_the_same_without_rewrites() {
    let ways: Vec<&'static [&'static str]> = REWRITES.chunks(1).chain([&[] as &[&str]]).collect();
    let open =
        |disabled| Engine::open(&Config { threads: 2, disabled_rewrites: disabled, ..Config::default() }).unwrap();
    let plain = open(REWRITES);
    let engines: Vec<Engine> = ways.iter().map(|disabled| open(disabled)).collect();
    let (mut failed, mut with_rows) = (0, 0);
    for seed in 0..600 {
        let mut random = Random(seed * 77_777 + 1);
        let (t, u) = (rows(&mut random, &["a", "b", "c"]), rows(&mut random, &["a", "b"]));
        let growing = grow(&mut random);
        let known = BTreeMap::from([
            ("t".to_owned(), Plan::input("t", &t.schema())),
            ("u".to_owned(), Plan::input("u", &u.schema())),
        ]);
        let plan = steps::plan(&growing.steps, &known).unwrap();
        let expected = told(answer(&plain, &plan, &t, &u, growing.ordered), growing.ordered);
        failed += usize::from(expected == "failed" || expected.contains("Some("));
        with_rows += usize::from(!expected.is_empty());
        for (engine, disabled) in engines.iter().zip(&ways) {
            let seen = told(answer(engine, &plan, &t, &u, growing.ordered), growing.ordered);
            assert_eq!(seen, expected, "seed {seed}: {:?}, without {disabled:?}", growing.steps);
        }
    }
    assert!(failed > 50 && with_rows - failed > 100, "{failed} of {with_rows} failed");
}
