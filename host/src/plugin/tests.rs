//! Plugins that nobody should load, and what happens when somebody does. `docs/plugins/limits.md` has
//! a table of them; here: files that are no plugins.

use std::io::Write;
use std::time::Instant;

use serde_json::json;

use super::*;

mod bombs;
mod calls;
mod contract;
mod descriptions;
mod guest;
mod instances;
mod rows;
mod values;

fn refusal(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    format!("{:#}", describe(file.path(), Trust::Sandboxed).unwrap_err())
}

fn refusal_of_wat(text: &str) -> String {
    refusal(&wat::parse_str(text).unwrap())
}

#[test]
fn files_of_other_kinds_are_named() {
    assert!(refusal(b"").contains("empty"));
    assert!(refusal(b"PK\x03\x04....").contains("zip"));
    assert!(refusal(b"(component)").contains("text file"));
    assert!(refusal(b"\x7fELF\x02\x01\x01\0\0\0").contains("machine code"));
    assert!(refusal(b"\0as").contains("truncated"));
    assert!(refusal_of_wat("(module)").contains("core module"));
    assert!(describe(Path::new("/nowhere/x.wasm"), Trust::Sandboxed).is_err());
    for path in ["/dev/zero", "/"] {
        let text = format!(
            "{:#}",
            describe(Path::new(path), Trust::Sandboxed).unwrap_err()
        );
        assert!(text.contains("it is not a file"), "{text}");
    }
}

#[test]
fn a_cut_file_is_called_truncated() {
    let whole = wat::parse_str(include_str!("../../../tests/plugins/wasi.wat")).unwrap();
    let text = refusal(&whole[..whole.len() - 3]);
    assert!(text.contains("truncated"), "{text}");
}

#[test]
fn imports_and_versions_that_are_not_the_contract_s_are_named() {
    let wasi = refusal_of_wat(include_str!("../../../tests/plugins/wasi.wat"));
    assert!(
        wasi.contains("wasi:clocks") && wasi.contains("hint:"),
        "{wasi}"
    );
    let version = refusal_of_wat(include_str!("../../../tests/plugins/version.wat"));
    assert!(
        version.contains("9.0.0") && version.contains("0.1 to 0.1"),
        "{version}"
    );
    let import = refusal_of_wat(include_str!("../../../tests/plugins/import.wat"));
    assert!(import.contains("evil:host/x"), "{import}");
    let none = refusal_of_wat("(component)");
    assert!(
        none.contains("neither a task nor a labeler nor a shaper"),
        "{none}"
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 30).unwrap();
    let text = format!("{:#}", describe(file.path(), Trust::Sandboxed).unwrap_err());
    assert!(text.contains("more than 64 MiB"), "{text}");
}

#[test]
fn assets_are_checked_before_anything_runs() {
    let described = [
        AssetDescription {
            name: "words".into(),
            help: "one a line".into(),
            required: true,
        },
        AssetDescription {
            name: "more".into(),
            help: String::new(),
            required: false,
        },
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.txt");
    std::fs::write(&path, "a b").unwrap();
    let given = |name: &str, path: &Path| BTreeMap::from([(name.to_owned(), path.to_owned())]);
    let read = |given: &BTreeMap<_, _>, most| {
        assets::read(&described, given, most)
            .map(|assets| assets.len())
            .map_err(|error| format!("{error:#}"))
    };
    assert_eq!(read(&given("words", &path), 3), Ok(1));
    assert!(
        read(&given("words", &path), 2)
            .unwrap_err()
            .contains("more than 2")
    );
    assert!(read(&BTreeMap::new(), 9).unwrap_err().contains("missing"));
    assert!(
        read(&given("wrods", &path), 9)
            .unwrap_err()
            .contains("unknown asset `wrods`")
    );
    assert!(
        read(&given("words", &folder.path().join("x")), 9)
            .unwrap_err()
            .contains("cannot read")
    );
    assert!(
        read(&given("words", folder.path()), 9)
            .unwrap_err()
            .contains("not a file")
    );
    std::fs::write(&path, "\u{feff}a").unwrap();
    let assets = assets::read(&described, &given("words", &path), 9).unwrap();
    assert_eq!(assets[0].data, b"a");
    std::fs::write(&path, "version https://git-lfs.github.com/spec/v1").unwrap();
    assert!(
        read(&given("words", &path), 99)
            .unwrap_err()
            .contains("git lfs pull")
    );
}
