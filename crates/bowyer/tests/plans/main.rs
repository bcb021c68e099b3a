// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Random plans over random tables, against an oracle that knows loops over rows and nothing else.
//!
//! A plan grows step by step, and its rows with it ([`grown`], [`groups`], [`lists`], [`pairs`], [`turned`]). It then runs in several ways:
//! threads, sizes of batches, rewrites, batches that are there or pushed, a memory limit that may be too small, and
//! files for what does not fit.
//! With `BOWYER_FUZZ_FOLDER`, plans that SQL has words for are written there with their tables and rows ([`written`]), for
//! another engine to answer.
//! The same plans run on every machine. `BOWYER_FUZZ_SECONDS` goes on with other ones for that long, from
//! `BOWYER_FUZZ_SEED` on.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

mod cell;
mod data;
mod groups;
mod grown;
mod lists;
mod pairs;
mod turned;
mod written;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bowyer::arrow_array::{RecordBatch, RecordBatchIterator};
use bowyer::arrow_schema::DataType;
use bowyer::{Config, Engine, ErrorCode, Input, Plan, QueryOptions, REWRITES};

use cell::{Row, rows};
use data::{Random, cut, table, types};
use grown::Grown;

/// The plans of every run.
const PLANS: u64 = 400;

/// How many runs have spilled, and answered.
static SPILLED: AtomicU64 = AtomicU64::new(0);

/// Rows that a plan may grow to.
const MOST_ROWS: usize = 5_000;

fn start(random: &mut Random, name: &str) -> (Grown, RecordBatch) {
    let types = types();
    let count = 1 + random.below(4);
    let chosen: Vec<DataType> = (0..count).map(|_| random.pick(&types).clone()).collect();
    let all = [vec![DataType::Int64, DataType::Int64, DataType::Utf8], chosen].concat();
    let columns: Vec<(String, DataType)> =
        all.into_iter().enumerate().map(|(at, data_type)| (format!("{name}{at}"), data_type)).collect();
    let batch = table(random, &columns);
    let plan = Plan::input(name, &batch.schema());
    let said = vec![format!("{name}: {columns:?}")];
    let sql = Some(format!("SELECT * FROM {name}"));
    (Grown { plan, columns, rows: rows(&batch), ordered: true, said, sql }, batch)
}

/// One more step.
fn step(grown: Grown, random: &mut Random, other: &Grown) -> Grown {
    match random.below(26) {
        0 | 1 => grown.filter(random),
        2 | 3 => grown.with(random),
        4 => grown.select(random),
        5 | 6 => grown.sort(random),
        7 => grown.sort_by_all(),
        8 => grown.limit(random),
        9 => grown.distinct(random),
        10 => grown.union(random),
        11 => grown.set_operation(random),
        12 => grown.unnest(random),
        13 | 14 => grown.aggregate(random),
        15 | 16 => grown.window(random),
        17 | 18 => grown.aggregate_sets(random),
        19 => grown.unpivot(random),
        20 => grown.pivot(random),
        21 if other.ordered => grown.joined_as_of(random, other),
        22 | 23 => grown.list_call(random),
        _ => grown.join(random, other),
    }
}

fn grow(random: &mut Random) -> (Grown, [RecordBatch; 2]) {
    let ((mut grown, t), (mut other, u)) = (start(random, "t"), start(random, "u"));
    if random.one_in(2) {
        other = other.filter(random);
    }
    for _ in 0..1 + random.below(7) {
        if grown.rows.len() > MOST_ROWS {
            break;
        }
        grown = step(grown, random, &other);
    }
    (grown, [t, u])
}

/// A way to run a plan.
struct Way {
    engine: Engine,
    pushed: bool,
    memory_limit: Option<u64>,
}

fn ways(random: &mut Random) -> Way {
    let one = random.below(REWRITES.len());
    let disabled: [&'static [&'static str]; 4] = [&[], &[], REWRITES, &REWRITES[one..=one]];
    let config = Config {
        threads: *random.pick(&[1, 2, 3, 8]),
        batch_rows: *random.pick(&[1, 5, 64, 65_536]),
        disabled_rewrites: random.pick::<&[&str]>(&disabled),
        ..Config::default()
    };
    let spills = random.one_in(2);
    // Where there are files, most limits leave room for the tables of an operator, and little more.
    let memory_limit = match spills {
        true => Some(1_000 * (50 + random.below(800) as u64)),
        false => random.one_in(4).then(|| 1 << (10 + random.below(10))),
    };
    let spill_directory = spills.then(std::env::temp_dir);
    let config = Config { spill_directory, ..config };
    Way { engine: Engine::open(&config).unwrap(), pushed: random.one_in(3), memory_limit }
}

fn run(way: &Way, plan: &Plan, tables: &[RecordBatch; 2], random: &mut Random) -> bowyer::Result<Vec<Row>> {
    let inputs = ["t", "u"].into_iter().zip(tables).map(|(name, batch)| {
        let batches = cut(random, batch);
        let input = match way.pushed {
            true => Input::reader(RecordBatchIterator::new(batches.into_iter().map(Ok), batch.schema())),
            false => Input::batches(batches),
        };
        (name, input)
    });
    let inputs: Vec<(&str, Input)> = inputs.collect();
    let known = plan_inputs(&way.engine, plan)?;
    let inputs = inputs.into_iter().filter(|(name, _)| known.iter().any(|known| known == name));
    let options = QueryOptions { memory_limit_bytes: way.memory_limit, ..QueryOptions::default() };
    let mut seen = Vec::new();
    let mut result = way.engine.run_with(plan, inputs, options)?;
    for batch in result.by_ref() {
        seen.extend(rows(&batch?));
    }
    if result.statistics().spilled_files > 0 {
        SPILLED.fetch_add(1, Ordering::Relaxed);
    }
    Ok(seen)
}

fn plan_inputs(engine: &Engine, plan: &Plan) -> bowyer::Result<Vec<String>> {
    Ok(engine.prepare(plan)?.needs().into_iter().map(|needs| needs.input).collect())
}

/// Grows the plan of a seed and runs it in some ways; says whether it gave rows, or what was wrong.
fn check(seed: u64) -> Result<bool, String> {
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let (mut grown, tables) = grow(&mut random);
    if !grown.ordered {
        grown.rows.sort();
    }
    for _ in 0..3 {
        let way = ways(&mut random);
        let told = || format!("seed {seed}, limit {:?}, pushed {}: {:#?}", way.memory_limit, way.pushed, grown.said);
        let mut seen = match run(&way, &grown.plan, &tables, &mut random) {
            Ok(seen) => seen,
            Err(error) if error.code() == ErrorCode::MemoryLimit && way.memory_limit.is_some() => continue,
            Err(error) => return Err(format!("{error:?}\n{}", told())),
        };
        if !grown.ordered {
            seen.sort();
        }
        if seen != grown.rows {
            let at = seen.iter().zip(&grown.rows).take_while(|(seen, due)| seen == due).count();
            let (count, due) = (seen.len(), grown.rows.len());
            let (one, other) = (seen.get(at), grown.rows.get(at));
            let told = told();
            return Err(format!("{count} rows where {due} are due; row {at} is\n{one:?}, not\n{other:?}\n{told}"));
        }
    }
    if let Some((folder, sql)) = written::folder().zip(grown.sql.as_ref()) {
        written::write(&folder, seed, sql, &tables, &grown.rows)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(!grown.rows.is_empty())
}

/// How many wrong plans are told of at once.
const TOLD: usize = 6;

#[test]
fn random_plans_answer_as_the_oracle_does() {
    let checked: Vec<Result<bool, String>> = (0..PLANS).map(check).collect();
    let wrong: Vec<&str> = checked.iter().filter_map(|checked| checked.as_ref().err()).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} plans are wrong\n{}", wrong.len(), wrong[..wrong.len().min(TOLD)].join("\n\n"));
    let with_rows = checked.iter().filter(|checked| **checked == Ok(true)).count() as u64;
    assert!(with_rows * 2 > PLANS, "only {with_rows} plans gave rows");
    let spilled = SPILLED.load(Ordering::Relaxed);
    assert!(spilled > 0, "no run spilled");
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let Some(seconds) = number("BOWYER_FUZZ_SECONDS") else { return };
    let until = Instant::now() + Duration::from_secs(seconds);
    let first = number("BOWYER_FUZZ_SEED").unwrap_or(PLANS);
    let mut seed = first;
    while Instant::now() < until {
        if let Err(wrong) = check(seed) {
            panic!("{wrong}");
        }
        seed += 1;
    }
    println!("{} plans, seeds {first} to {seed}", seed - first);
}
