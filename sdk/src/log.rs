//! Text for the person who runs the training. In native tests it is kept to be read.

pub use crate::bindings::attune::plugin::log::Level;

/// Writes `message` to the run's log.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::attune::plugin::log::write(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    if !crate::native::log(level, message) {
        crate::testing::keep_log(level, message);
    }
}

/// Writes at level `info`.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes at level `warn`.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Makes a panic's text and place reach the log before the call ends. Outside calls the usual hook
/// stays; and within them too where somebody asked for backtraces.
pub(crate) fn install_panic_hook() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        #[cfg(not(target_arch = "wasm32"))]
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            #[cfg(not(target_arch = "wasm32"))]
            {
                let is_called = crate::native::is_here();
                if !is_called || std::env::var_os("RUST_BACKTRACE").is_some() {
                    usual(panic);
                }
                if !is_called {
                    return;
                }
            }
            write(Level::Error, &words(panic));
        }));
    });
}

fn words(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let text = panic.payload_as_str().unwrap_or("panic without text");
    let place = panic
        .location()
        .map(|at| format!(" at {}:{}", at.file(), at.line()));
    format!(
        "panic: {text}{}{}",
        place.unwrap_or_default(),
        instead_of(text)
    )
}

/// What to use in place of what the standard library has not where plugins run, of which it only says that.
fn instead_of(text: &str) -> &'static str {
    if text.starts_with("time not implemented") {
        ": `Instant::now` and `SystemTime::now`, perhaps of a crate such as chrono or instant, ask a clock, which a plugin \
         has not; what depends on time comes as a setting, in a row, or as the number of the update"
    } else if text.contains("not supported on this platform") {
        ": a plugin has no threads, files, processes or network; files come as assets"
    } else {
        ""
    }
}
