//! Devices, threads and the allocator.
//!
//! One binary serves the CPU and CUDA: it links the CPU part of libtorch alone, and the CUDA part is
//! loaded at run time from the same folder, when a config asks for it and the machine has it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tch::Device;

/// The device of a config: `auto`, `cpu`, `cuda` or `cuda:INDEX`.
pub fn resolve(name: &str) -> Result<Device> {
    let index = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" => {
            return Ok(match load_cuda() {
                Ok(()) if tch::Cuda::device_count() > 0 => Device::Cuda(0),
                _ => Device::Cpu,
            });
        }
        "cuda" => 0,
        other => match other
            .strip_prefix("cuda:")
            .and_then(|index| index.parse().ok())
        {
            Some(index) => index,
            None => bail!("device `{name}` is unknown\nhint: use auto, cpu, cuda or cuda:INDEX"),
        },
    };
    if let Err(problem) = load_cuda() {
        bail!(
            "device `{name}` was asked for, but CUDA cannot be loaded: {problem}\nhint: use device = \"auto\""
        );
    }
    let count = tch::Cuda::device_count() as usize;
    if index >= count {
        bail!(
            "device `{name}` was asked for, but there are {count} CUDA devices\nhint: use device = \"auto\""
        );
    }
    Ok(Device::Cuda(index))
}

/// Loads the CUDA part of libtorch, once; it registers itself with the part that is linked.
pub fn load_cuda() -> Result<(), String> {
    static LOADED: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    LOADED.get_or_init(open_cuda).clone()
}

fn open_cuda() -> Result<(), String> {
    let folder = libtorch_folder().ok_or("libtorch's folder is unknown; export LIBTORCH")?;
    let path = folder.join("libtorch_cuda.so");
    if !path.is_file() {
        return Err(format!(
            "`{}` is not there: this libtorch is for the CPU alone",
            path.display()
        ));
    }
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the library is libtorch's own, and its initializers only register its kernels.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
    match library {
        Ok(library) => {
            // Its kernels are called until the process ends.
            std::mem::forget(library);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The folder with libtorch's libraries: of the one that runs in this process, where the system says.
pub fn libtorch_folder() -> Option<PathBuf> {
    let exported = || Some(PathBuf::from(std::env::var_os("LIBTORCH")?).join("lib"));
    loaded().or_else(exported).filter(|folder| folder.is_dir())
}

fn loaded() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps
        .lines()
        .filter_map(|line| Some(&line[line.find('/')?..]));
    let library = paths.find(|path| path.ends_with("/libtorch_cpu.so"))?;
    Some(PathBuf::from(library).parent()?.to_owned())
}

/// CPU threads; 0 leaves libtorch's choice.
pub fn set_threads(threads: usize) {
    if threads > 0 {
        tch::set_num_threads(threads as i32);
    }
}

/// Keeps freed memory in the process instead of giving it back after every operation.
///
/// The first touch of fresh pages costs more than the arithmetic on them; with glibc's defaults
/// every large temporary is mapped and unmapped again. Call it before the first tensor.
pub fn tune_allocator() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets numbers inside the allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_it_does_not_know() {
        assert_eq!(resolve("cpu").unwrap(), Device::Cpu);
        let message = resolve("tpu").unwrap_err().to_string();
        assert!(
            message.contains("`tpu`") && message.contains("hint"),
            "{message}"
        );
        assert!(
            resolve("cuda:99")
                .unwrap_err()
                .to_string()
                .contains("cuda:99")
        );
    }
}
