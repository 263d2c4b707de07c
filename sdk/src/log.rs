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
    format!("panic: {text}{}", place.unwrap_or_default())
}
