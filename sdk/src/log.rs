//! Text for the person who runs the training. Natively it is kept for tests to read.

pub use crate::bindings::attune::plugin::log::Level;

/// Writes `message` to the run's log.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::attune::plugin::log::write(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::keep_log(level, message);
}

/// Writes at level `info`.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes at level `warn`.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Makes a panic's text and place reach the log before the trap; natively the usual hook stays.
pub(crate) fn install_panic_hook() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|panic| {
                let text = panic.payload_as_str().unwrap_or("panic without text");
                let place = panic
                    .location()
                    .map(|at| format!(" at {}:{}", at.file(), at.line()));
                write(
                    Level::Error,
                    &format!("panic: {text}{}", place.unwrap_or_default()),
                );
            }));
        });
    }
}
