//! GNU OpenMP's threads, which libtorch uses, reached through the functions that compilers call.

use libloading::os::unix::Library;
use std::ffi::{c_int, c_uint, c_void};
use std::sync::OnceLock;

type Body = extern "C" fn(*mut c_void);

struct OpenMp {
    parallel: unsafe extern "C" fn(Body, *mut c_void, c_uint, c_uint),
    index: unsafe extern "C" fn() -> c_int,
    count: unsafe extern "C" fn() -> c_int,
}

fn library() -> Option<&'static OpenMp> {
    static LIBRARY: OnceLock<Option<OpenMp>> = OnceLock::new();
    let find = || {
        let process = Library::this();
        // SAFETY: the names belong to GNU OpenMP alone, and these are their signatures.
        unsafe {
            Some(OpenMp {
                parallel: *process.get(b"GOMP_parallel\0").ok()?,
                index: *process.get(b"omp_get_thread_num\0").ok()?,
                count: *process.get(b"omp_get_num_threads\0").ok()?,
            })
        }
    };
    LIBRARY.get_or_init(find).as_ref()
}

/// Calls `work(index, count)` on up to `threads` threads at once; false when there is no OpenMP here.
pub(super) fn run<F: Fn(usize, usize) + Sync>(threads: usize, work: &F) -> bool {
    extern "C" fn body<F: Fn(usize, usize) + Sync>(work: *mut c_void) {
        // SAFETY: `run` passes its `work`, and waits for all threads before it returns.
        let (work, openmp) = unsafe { (&*work.cast_const().cast::<F>(), library()) };
        if let Some(openmp) = openmp {
            // SAFETY: plain questions about the calling thread.
            let (index, count) = unsafe { ((openmp.index)(), (openmp.count)()) };
            work(index as usize, count as usize);
        }
    }
    let Some(openmp) = library() else {
        return false;
    };
    let data = std::ptr::from_ref(work).cast_mut().cast();
    // SAFETY: `body` takes what `data` is, and shares it only as `Sync` allows.
    unsafe { (openmp.parallel)(body::<F>, data, threads as c_uint, 0) };
    true
}
