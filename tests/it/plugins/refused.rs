//! Plugins, settings and files that are refused before anything is trained.

use super::component;
use crate::support::Lab;

/// Training is refused with a message that has all of `parts`, and leaves no run directory.
fn refuse(lab: &Lab, extra: &[&str], parts: &[&str]) {
    let message = lab.refused("run", extra);
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!lab.path("run").exists(), "{message}");
}

#[test]
fn files_that_are_no_plugins() {
    let lab = Lab::new();
    lab.edit("plugin = \"letters\"", "plugin = \"mine.wasm\"");
    refuse(&lab, &[], &["[labeler]", "mine.wasm", "no plugin file"]);
    std::fs::create_dir(lab.path("mine.wasm")).unwrap();
    refuse(
        &lab,
        &[],
        &["mine.wasm` is a folder", "attune plugin build"],
    );
    std::fs::remove_dir(lab.path("mine.wasm")).unwrap();
    let whole = std::fs::read(component("letters")).unwrap();
    let module = wat::parse_str("(module)").unwrap();
    let cases: [(&[u8], &str); 7] = [
        (&whole[..whole.len() / 2], "truncated"),
        (&whole[..5], "truncated"),
        (b"", "empty"),
        (b"not wasm at all", "text file"),
        (b"\x89\xff\xfe\x00\x01\x02", "not a WebAssembly component"),
        (&module, "core module"),
        (b"\x7fELF\x02\x01\x01\x00", "machine code"),
    ];
    for (bytes, what) in cases {
        lab.write("mine.wasm", bytes);
        refuse(&lab, &[], &["[labeler]", "mine.wasm", what]);
    }
    lab.write("mine.wasm", &whole);
    lab.train("run", &[]);
}

#[test]
fn plugins_in_the_wrong_place_and_names_with_typos() {
    let lab = Lab::new();
    let shaper = "[labeler]\nplugin = \"length\"\n";
    lab.edit("[labeler]\nplugin = \"letters\"\n", shaper);
    refuse(
        &lab,
        &[],
        &["`length` is a shaper, not a labeler", "[[shaper]]"],
    );
    lab.edit(shaper, "[[shaper]]\nplugin = \"letters\"\n");
    refuse(
        &lab,
        &[],
        &["`letters` is a labeler, not a shaper", "[labeler]"],
    );
    lab.edit("[[shaper]]", "[labeler]");
    for (name, hint) in [
        ("leters", "did you mean `letters`?"),
        ("lettres", "did you mean `letters`?"),
        ("politeness", "known are"),
    ] {
        let set = format!("labeler.plugin={name}");
        refuse(&lab, &["--set", &set], &[&format!("`{name}`"), hint]);
    }
    refuse(
        &lab,
        &["--set", "task.plugin=letters"],
        &["is a labeler, not a task"],
    );
    lab.train("run", &[]);
}

#[test]
fn settings_and_assets_that_do_not_fit() {
    let lab = Lab::new();
    for (set, parts) in [
        (
            "form=3",
            &["letters", "unknown setting `form`", "did you mean `from`?"][..],
        ),
        ("from=300", &["/from", "300", "255", "describe"]),
        ("from=many", &["/from", "many", "integer"]),
        ("compare_only=1", &["/compare_only", "boolean"]),
        ("from=nan", &["letters", "`/from`", "NaN", "finite"]),
        ("from=90", &["/to", "79 is below from 90"]),
        ("compare_only=true", &["letters", "gives no scores"]),
    ] {
        refuse(&lab, &["--set", &format!("labeler.settings.{set}")], parts);
    }
    let words = format!("labeler.assets.words={}", lab.path("data.txt").display());
    refuse(
        &lab,
        &["--set", &words],
        &["unknown asset `words`", "takes none: leave `assets` out"],
    );
    lab.write("latin.txt", b"good\t3\ncaf\xe9\t1\n");
    lab.write("wide.txt", b"\xff\xfeg\0o\0\t\x003\0\n\0");
    let valence = ["--set", "labeler.plugin=valence"];
    refuse(
        &lab,
        &valence,
        &["valence", "asset `lexicon` is missing", "a tab"],
    );
    let with =
        |asset: &str, file: &str| format!("labeler.assets.{asset}={}", lab.path(file).display());
    for (asset, file, parts) in [
        (
            "lexcon",
            "data.txt",
            &["unknown asset `lexcon`", "did you mean `lexicon`?"][..],
        ),
        (
            "lexicon",
            "nowhere.txt",
            &["asset `lexicon`", "nowhere.txt"],
        ),
        ("lexicon", "model", &["asset `lexicon`", "not a file"]),
        ("lexicon", "data.txt", &["assets/lexicon", "line 1"]),
        (
            "lexicon",
            "latin.txt",
            &["assets/lexicon` (`", "latin.txt`)", "not UTF-8"],
        ),
        (
            "lexicon",
            "wide.txt",
            &[
                "assets/lexicon` (`",
                "wide.txt` is in UTF-16; save it as UTF-8",
            ],
        ),
    ] {
        refuse(
            &lab,
            &[&valence[..], &["--set", &with(asset, file)]].concat(),
            parts,
        );
    }
    refuse(
        &lab,
        &["--set", "task.settings.truncate_after=9"],
        &["/truncate_after", "9", "response_len 8"],
    );
    refuse(
        &lab,
        &["--set", "task.settings.end_text=ab"],
        &["/end_text", "2 tokens"],
    );
    lab.train("run", &[]);
}
