//! What tools see of the user's environment: where programs and packages come from, and nothing of how the user's
//! own programs are built or run. A plugin is the same bytes whatever a shell has set.

use std::process::Command;

/// Variables that change what a tool makes, by how they begin. Upper case: npm takes both.
const SILENCED: [&str; 10] = [
    "CARGO_",
    "__CARGO_",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_",
    "PYTHON",
    "VIRTUAL_ENV",
    "PIP_",
    "NODE_",
    "NPM_CONFIG_",
];

/// Those among them that only say where things are found, and how a tool looks on a terminal.
const KEPT: [&str; 35] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_//",
    "NPM_CONFIG_@",
    "NPM_CONFIG_CA",
    "NPM_CONFIG_CERT",
    "NPM_CONFIG_FETCH_",
    "NPM_CONFIG_GLOBALCONFIG",
    "NPM_CONFIG_HTTPS_PROXY",
    "NPM_CONFIG_KEY",
    "NPM_CONFIG_NOPROXY",
    "NPM_CONFIG_OFFLINE",
    "NPM_CONFIG_PREFER_",
    "NPM_CONFIG_PROXY",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_STRICT_SSL",
    "NPM_CONFIG_USERCONFIG",
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
];

/// All that a program hears of the environment that only reads its own stage: where programs and libraries are.
const NEEDED: [&str; 5] = [
    "PATH",
    "HOME",
    "LD_LIBRARY_PATH",
    "PYENV_ROOT",
    "PYENV_VERSION",
];

/// Takes from a command what the user's shell tells tools about other builds.
pub(crate) fn isolate(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_silenced(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

/// Takes from a command all of the environment but the way to programs.
pub(crate) fn clear(command: &mut Command) {
    let set: Vec<_> = NEEDED
        .iter()
        .filter_map(|name| Some((*name, std::env::var_os(name)?)))
        .collect();
    command.env_clear().envs(set);
}

fn is_silenced(name: &str) -> bool {
    let name = name.to_uppercase().replace('-', "_");
    let begins = |with: &[&str]| with.iter().any(|begin| name.starts_with(begin));
    // The linker of this machine is not ours to know.
    let is_linker = name.starts_with("CARGO_TARGET_") && name.ends_with("_LINKER");
    begins(&SILENCED) && !begins(&KEPT) && !is_linker
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_are_told_is_silenced_and_where_packages_are_is_not() {
        for name in [
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_INCREMENTAL",
            "__CARGO_DEFAULT_LIB_METADATA",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_BOOTSTRAP",
            "PYTHONPATH",
            "PYTHONHOME",
            "VIRTUAL_ENV",
            "PIP_TARGET",
            "PIP_USER",
            "NODE_OPTIONS",
            "NODE_PATH",
            "npm_config_global",
            "npm_config_omit",
        ] {
            assert!(is_silenced(name), "{name}");
        }
        for name in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_SOURCE_CRATES_IO_REPLACE_WITH",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "RUSTUP_TOOLCHAIN",
            "RUSTC",
            "PIP_INDEX_URL",
            "npm_config_registry",
            "npm_config_strict-ssl",
            "PATH",
            "PATHS",
        ] {
            assert!(!is_silenced(name), "{name}");
        }
    }
}
