//! What a plugin in Python does wrong is its own row's error, and named.

use std::time::Duration;

use attune::plugin::{self, Limits};
use attune::role::{CallContext, Outcome, Shaped};
use serde_json::{Value, json};

use super::spec;
use crate::support::attune;
use crate::twins::{CONTEXT, bytes, samples, texts};

/// What the odd plugin makes of eight rows, of which 0 and 4 are odd.
fn odd(mode: &str, limits: Limits) -> Vec<Outcome<Shaped>> {
    let mut spec = spec("test-plugins/odd-py", json!({"mode": mode}));
    spec.limits = limits;
    let shaper = plugin::load_shaper(&spec, bytes()).unwrap();
    let texts: Vec<String> = (1..=8).map(|len| "x".repeat(len)).collect();
    let outcomes = shaper.shape(CONTEXT, &samples(&texts)).unwrap();
    for (row, outcome) in outcomes.iter().enumerate().filter(|(row, _)| row % 4 != 0) {
        let Outcome::Value(shaped) = outcome else {
            panic!("{mode}: row {row} lost its value: {outcome:?}");
        };
        assert_eq!(
            shaped.terms,
            [("length".to_owned(), row as f32 + 1.0)],
            "{mode}"
        );
    }
    outcomes
}

fn check(mode: &str, parts: &[&str]) {
    let outcomes = odd(mode, spec("", Value::Null).limits);
    for row in [0, 4] {
        let Outcome::Error(message) = &outcomes[row] else {
            panic!("{mode}: row {row} is no error: {:?}", outcomes[row]);
        };
        for part in parts {
            assert!(
                message.contains(part),
                "{mode}: `{part}` is not in: {message}"
            );
        }
    }
}

#[test]
fn an_exception_is_its_row_s_error() {
    let places = [
        "ZeroDivisionError: ",
        " at odd.py:",
        " in divide, odd.py:",
        " in raises, odd.py:",
        " in shape",
    ];
    check("raise", &places);
    check(
        "read",
        &["add Columns.QUERY_TEXT to COLUMNS", "odd.py:", "in reads"],
    );
    check("recurse", &["RecursionError", "in recurses"]);
    check("exit", &["SystemExit: 3", "in leaves"]);
    check(
        "text",
        &["term 0 is '1.5 points', a str, not a number", "in shape"],
    );
    check("nothing", &["term 0 is None, not a number", "in shape"]);
    let forgotten = [
        "`shape` returned None, not a Shaped; end it with `return Shaped(...)`",
        " at odd.py:",
        " in shape",
    ];
    check("forget", &forgotten);
    check(
        "generate",
        &["LookupError: ? no more numbers", "in numbers, odd.py:"],
    );
}

#[test]
fn what_a_component_has_not_is_said() {
    check(
        "import",
        &[
            "`wave` was not imported when the plugin was built",
            "at the top",
            "in imports",
        ],
    );
    check("open", &["`open` cannot be used", "asset", "in opens"]);
    check("wait", &["`time.sleep` cannot be used", "no clock"]);
    check("input", &["`input` cannot be used", "nobody to ask"]);
    check(
        "socket",
        &["`socket.create_connection` cannot be used", "no network"],
    );
    check("thread", &["has one thread", "in starts_a_thread"]);
    check("urandom", &["`os.urandom` cannot be used", "rng()"]);
}

/// What Python code in a response comes to, in a batch with the others.
fn run(responses: &[&str]) -> Vec<Outcome<Shaped>> {
    let spec = spec("test-plugins/odd-py", json!({"mode": "run"}));
    let shaper = plugin::load_shaper(&spec, bytes()).unwrap();
    let texts: Vec<String> = responses.iter().map(ToString::to_string).collect();
    shaper.shape(CONTEXT, &samples(&texts)).unwrap()
}

/// Code, and a part of the exception that it gives.
const REFUSED: &str = "\
os._exit(0) => `os._exit` cannot be used: a plugin cannot end
_exit(0) => `os._exit` cannot be used
os.abort() => `os.abort` cannot be used
signal.raise_signal(6) => `signal.raise_signal` cannot be
os.write(1, b'x') => `os.write` cannot be used
write(1, b'x') => `print` writes to the log
os.read(0, 1) => `os.read` cannot be used
os.times() => `os.times` cannot be used
listdir('.') => `os.listdir` cannot be used
io.FileIO('x') => `io.FileIO` cannot be used
sys.stdin.read() => `sys.stdin` cannot be used
sys.exit() => SystemExit
raise KeyboardInterrupt => KeyboardInterrupt
datetime.datetime.now() => `datetime.datetime.now` cannot
datetime.date.today() => `datetime.date.today` cannot be
datetime.datetime.utcnow() => a plugin has no clock
time.get_clock_info('time') => a plugin has no clock
lock = threading.Lock(); lock.acquire(); lock.acquire() => a lock cannot be waited for
threading.Event().wait(0.1) => a lock cannot be waited for
queue.Queue().get() => a lock cannot be waited for
queue.SimpleQueue().get() => a lock cannot be waited for
select.select([], [], [], 0) => `select.select` cannot be used
asyncio.run(asyncio.sleep(0)) => `asyncio.run` cannot be used
socket.socket() => `socket.socket` cannot be used
subprocess.run(['ls']) => `subprocess.Popen` cannot be used
builtins.len = None => `builtins.len` cannot be changed
del builtins.print => `builtins.print` cannot be changed";

#[test]
fn what_would_end_a_component_without_a_word_is_an_exception() {
    let refused = || REFUSED.lines().map(|line| line.split_once(" => ").unwrap());
    let code: Vec<&str> = refused().map(|(code, _)| code).collect();
    let outcomes = run(&code);
    for ((code, part), outcome) in refused().zip(outcomes) {
        let Outcome::Error(message) = &outcome else {
            panic!("`{code}` is no error: {outcome:?}");
        };
        for part in [part, " in runs, odd.py:"] {
            assert!(message.contains(part), "`{code}`: {message}");
        }
    }
}

#[test]
fn a_row_that_breaks_what_all_share_is_alone_with_it() {
    let mut code = vec!["value = 2"; 300];
    for row in [10, 70, 299] {
        code[row] = "Shaped.term = None; value = 3";
    }
    code[130] = "Rollout.response_text = property(lambda row: 1 / 0); value = 3";
    for (row, outcome) in run(&code).iter().enumerate() {
        let Outcome::Value(shaped) = outcome else {
            panic!("row {row}: {outcome:?}");
        };
        let value = if code[row] == "value = 2" { 2.0 } else { 3.0 };
        assert_eq!(shaped.terms[0].1, value, "row {row}");
    }
}

#[test]
fn what_needs_nothing_of_a_machine_works() {
    let works = [
        "lock = threading.Lock()\nwith lock: value = lock.locked() and not lock.acquire(False)",
        "line = queue.Queue(); line.put(1); value = line.get()",
        "line = queue.SimpleQueue(); line.put(1); value = line.get()",
        "value = datetime.datetime.strptime('2024-02-29', '%Y-%m-%d').month - 1",
        "value = (datetime.date(2024, 3, 1) - datetime.date(2024, 2, 29)).days",
        "value = isinstance(datetime.datetime(2024, 1, 1) + datetime.timedelta(1), datetime.datetime)",
        "value = not os.path.exists('/etc/passwd')",
        "value = not os.environ",
        "value = not os.isatty(1)",
        "value = sys.__stdout__.write('x')",
        "builtins.mine = 1; value = mine",
        "random.seed(1); value = random.Random(1).random() == random.random()",
    ];
    for (code, outcome) in works.iter().zip(run(&works)) {
        let Outcome::Value(shaped) = &outcome else {
            panic!("`{code}` has no value: {outcome:?}");
        };
        assert_eq!(shaped.terms[0].1, 1.0, "`{code}`");
    }
}

#[test]
fn what_ends_the_interpreter_ends_one_row() {
    check("memory", &["MemoryError: out of memory", "in eats"]);
    check("recurse-in-c", &["`shape`: "]);
    let honest = "value = 1";
    let outcomes = run(&[honest, "__import__('_socket').socket()", honest]);
    for part in ["without saying why, in `", "`sock_initobj`"] {
        assert!(
            matches!(&outcomes[1], Outcome::Error(text) if text.contains(part)),
            "{outcomes:?}"
        );
    }
    assert!(matches!(outcomes[0], Outcome::Value(_)) && outcomes[0] == outcomes[2]);
}

#[test]
fn an_endless_row_is_named_within_the_deadline() {
    let limits = Limits {
        deadline: Duration::from_secs(4),
        ..Limits::default()
    };
    let outcomes = odd("loop", limits);
    for row in [0, 4] {
        assert!(
            matches!(&outcomes[row], Outcome::Error(text) if text.contains("4 s")),
            "{:?}",
            outcomes[row]
        );
    }
}

#[test]
fn randomness_is_the_row_s_whatever_the_batch() {
    let shaper = plugin::load_shaper(
        &spec("test-plugins/odd-py", json!({"mode": "random"})),
        bytes(),
    )
    .unwrap();
    let samples = samples(&texts()[..32]);
    let whole = shaper.shape(CONTEXT, &samples).unwrap();
    let parts: Vec<_> = samples
        .rchunks(5)
        .rev()
        .flat_map(|part| shaper.shape(CONTEXT, part).unwrap())
        .collect();
    assert_eq!(whole, parts);
    let other = shaper
        .shape(
            CallContext {
                seed: 12,
                ..CONTEXT
            },
            &samples,
        )
        .unwrap();
    assert!(whole.iter().zip(other).all(|(one, other)| *one != other));
}

#[test]
fn what_a_plugin_prints_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let case = json!({"name": "speaks", "call": "shape", "settings": {"mode": "print"},
                      "rows": [{"response": "x"}, {"response": "y"}], "expect": [{"terms": {"length": 0}}, {}]});
    let cases = folder.path().join("cases.jsonl");
    std::fs::write(&cases, case.to_string()).unwrap();
    let output = attune(&[
        "plugin",
        "test",
        "odd-py",
        "--cases",
        cases.to_str().unwrap(),
    ])
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for line in [
        "info: row 0, two",
        "info: lines",
        "warn: beside",
        "warn: be careful",
        "warn: WARNING: as others log",
        "info: half a character: ?",
    ] {
        assert!(
            said.contains(&format!("odd-py: {line}\n")),
            "`{line}` is not in: {said}"
        );
    }
}
