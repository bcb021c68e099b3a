// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The header against the library: it compiles as C and C++ without a warning, its structs lie as ours do, its functions
//! and constants are those that are exported, and a C program works with it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose set-up fails stops there")]

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use bowyer_capi::abi;
use bowyer_core::ErrorCode;

fn crate_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn header() -> String {
    std::fs::read_to_string(crate_path("include/bowyer.h")).unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn compiler(name: &str, standard: &str) -> Command {
    let mut command = Command::new(name);
    command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", standard]).arg("-I").arg(crate_path("include"));
    command
}

#[test]
fn the_header_is_clean_c_and_cpp() {
    let folder = scratch("clean");
    for (name, standard, file) in [("cc", "-std=c99", "clean.c"), ("c++", "-std=c++11", "clean.cpp")] {
        let source = folder.join(file);
        std::fs::write(&source, "#include \"bowyer.h\"\n#include \"bowyer.h\"\nint main(void) { return 0; }\n")
            .unwrap();
        run(compiler(name, standard).arg("-fsyntax-only").arg(source));
    }
}

#[test]
fn the_structs_lie_as_ours_do() {
    let mut asserts = String::from("#include \"bowyer.h\"\n#define OFFSET(s, f) ((char*)&((s*)0)->f - (char*)0)\n");
    macro_rules! check {
        ($c:literal $rust:ty { $($field:ident),* $(,)? }) => {
            writeln!(asserts, "_Static_assert(sizeof({}) == {}, \"size\");", $c, size_of::<$rust>()).unwrap();
            $(writeln!(
                asserts,
                "_Static_assert(offsetof({}, {}) == {}, \"offset\");",
                $c, stringify!($field), offset_of!($rust, $field)
            ).unwrap();)*
        };
    }
    check!("bowyer_bytes" abi::Bytes { data, len });
    check!("bowyer_buffer" abi::Buffer { struct_size, flags, data, len, release, private_data });
    check!("bowyer_error" abi::CError { struct_size, code, message, message_len, detail, detail_len, release, private_data });
    check!("bowyer_call" abi::Call { struct_size, flags, timeout_ns, memory_limit, cancel, traceparent });
    check!("bowyer_argument" abi::Argument { first, count, flags, reserved });
    check!("bowyer_block" abi::Block { struct_size, array_count, owner, row_count, arrays, sizes, arguments, argument_count, flags });
    check!("bowyer_alias" bowyer_capi::Alias { owner, source_buffer, target_buffer, offset, byte_len });
    check!("bowyer_result" abi::CResult {
        struct_size, state, flags, alias_count, buffer_count, reserved, row_count, aliases, sizes, byte_len, bytes_copied,
    });
    check!("bowyer_event" abi::Event { kind, port, handle, value });
    check!("struct ArrowSchema" arrow_ffi::c::ArrowSchema {
        format, name, metadata, flags, n_children, children, dictionary, release, private_data,
    });
    check!("struct ArrowArray" arrow_ffi::c::ArrowArray {
        length, null_count, offset, n_buffers, n_children, buffers, children, dictionary, release, private_data,
    });
    check!("struct ArrowArrayStream" arrow_ffi::c::ArrowArrayStream {
        get_schema, get_next, get_last_error, release, private_data,
    });
    let constants = [
        ("BOWYER_ABI_VERSION", bowyer_capi::exports::ABI_VERSION),
        ("BOWYER_ARGUMENT_SCALAR", abi::ARGUMENT_SCALAR),
        ("BOWYER_ARGUMENT_CHUNKED", abi::ARGUMENT_CHUNKED),
        ("BOWYER_BLOCK_TRUSTED", abi::BLOCK_TRUSTED),
        ("BOWYER_BLOCK_FULL", abi::BLOCK_FULL),
        ("BOWYER_STATE_BATCH", abi::STATE_BATCH),
        ("BOWYER_STATE_PENDING", abi::STATE_PENDING),
        ("BOWYER_STATE_END", abi::STATE_END),
        ("BOWYER_RESULT_RETAINED", abi::RESULT_RETAINED),
        ("BOWYER_RESULT_SCALAR", abi::RESULT_SCALAR),
        ("BOWYER_EVENT_OUTPUT", abi::EVENT_OUTPUT),
        ("BOWYER_EVENT_INPUT", abi::EVENT_INPUT),
        ("BOWYER_EVENT_OWNER", abi::EVENT_OWNER),
        ("BOWYER_EVENT_CLOSED", abi::EVENT_CLOSED),
    ];
    for (name, value) in constants {
        writeln!(asserts, "_Static_assert({name} == {value}, \"{name}\");").unwrap();
    }
    for code in ErrorCode::ALL {
        let mut name = String::from("BOWYER_ERROR_");
        for (at, letter) in code.name().char_indices() {
            if at > 0 && letter.is_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        writeln!(asserts, "_Static_assert({name} == {}, \"{name}\");", *code as i32).unwrap();
    }
    let source = scratch("layout").join("layout.c");
    std::fs::write(&source, asserts).unwrap();
    run(compiler("cc", "-std=c11").arg("-fsyntax-only").arg(source));
}

/// Names before an opening parenthesis that begin with `bowyer_`.
fn functions(text: &str, before: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .match_indices(before)
        .map(|(at, _)| text[at + before.len() - "bowyer_".len()..].split('(').next().unwrap().to_owned())
        .filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn header_list_and_library_name_the_same_functions() {
    let without_comments: String = header().split("/*").map(|part| part.rsplit("*/").next().unwrap()).collect();
    let mut declared = functions(&without_comments, " bowyer_");
    declared.retain(|name| without_comments.contains(&format!(" {name}(")));
    let exported =
        functions(&std::fs::read_to_string(crate_path("src/exports.rs")).unwrap(), "extern \"C\" fn bowyer_");
    let list = std::fs::read_to_string(crate_path("abi/v0.symbols")).unwrap();
    let listed: Vec<&str> =
        list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(declared, listed, "the header's functions are those of abi/v0.symbols");
    assert_eq!(exported, listed, "the library's functions are those of abi/v0.symbols");
}

/// The static library of this build, beside the test's own folder.
fn staticlib() -> Option<PathBuf> {
    let target = std::env::current_exe().unwrap();
    let folder = target.parent()?.parent()?;
    let found = [folder.join("libbowyer_capi.a"), folder.join("deps/libbowyer_capi.a")];
    found.into_iter().find(|path| path.exists())
}

#[test]
fn a_c_program_calls_a_function_also_as_cpp() {
    let folder = scratch("smoke");
    let program = folder.join("smoke");
    let Some(library) = staticlib() else { panic!("cargo test builds the static library") };
    for (name, standard, language) in [("cc", "-std=c99", "c"), ("c++", "-std=c++11", "c++")] {
        run(compiler(name, standard)
            .args(["-x", language])
            .arg(crate_path("tests/smoke.c"))
            .args(["-x", "none"])
            .arg(&library)
            .args(["-lm", "-ldl", "-lpthread", "-o"])
            .arg(&program));
        assert_eq!(run(&mut Command::new(&program)), "smoke: all well\n", "as {language}");
    }
}

#[cfg(not(feature = "fault-injection"))]
#[test]
fn the_package_links_beside_another_rust_library() {
    link_beside("beside", "");
}

#[cfg(not(feature = "fault-injection"))]
#[test]
fn a_linker_that_cannot_dissolve_section_groups_packages_too() {
    link_beside("beside_groups", "1");
}

#[cfg(not(feature = "fault-injection"))]
fn link_beside(name: &str, plain_ld: &str) {
    let folder = scratch(name);
    let Some(library) = staticlib() else { panic!("cargo test builds the static library") };
    let script = crate_path("../../scripts/package-staticlib.sh");
    let said = run(Command::new("bash")
        .arg(script)
        .env("BOWYER_ARCHIVE", library)
        .env("BOWYER_OUT", &folder)
        .env("BOWYER_PLAIN_LD", plain_ld));
    assert!(said.contains("symbols"), "{said}");
    let other = folder.join("other.rs");
    let text = "#[unsafe(no_mangle)]\npub extern \"C\" fn other_answer() -> u32 {\n    \
                std::panic::catch_unwind(|| [1_u32, 2].iter().sum()).unwrap_or(0)\n}\n";
    std::fs::write(&other, text).unwrap();
    let archive = folder.join("libother.a");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    run(Command::new(rustc).args(["--edition=2024", "--crate-type=staticlib", "-o"]).arg(&archive).arg(&other));
    let main = folder.join("main.c");
    let text = "#include \"bowyer.h\"\nunsigned other_answer(void);\nint main(void) {\n  bowyer_bytes config = {0, 0};\n  \
                uint64_t engine = 0;\n  if (other_answer() != 3) return 1;\n  if (bowyer_engine_open(config, &engine, 0)) return 2;\n  \
                return bowyer_release(engine);\n}\n";
    std::fs::write(&main, text).unwrap();
    let program = folder.join("beside");
    let both = [folder.join("libbowyer.a"), archive];
    run(compiler("cc", "-std=c99").arg(main).args(both).args(["-lm", "-ldl", "-lpthread", "-o"]).arg(&program));
    run(&mut Command::new(program));
}
