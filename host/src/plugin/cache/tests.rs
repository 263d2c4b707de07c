//! What was kept is used, and what was tampered with is not.

use std::os::unix::fs::PermissionsExt;

use super::super::engine::engine;
use super::*;

const EMPTY: &str = "(component)";

struct Cache {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Cache {
    fn new() -> Self {
        let cache = Cache {
            folder: tempfile::tempdir().unwrap(),
            bytes: wat::parse_str(EMPTY).unwrap(),
        };
        cache.compile();
        cache
    }

    fn compile(&self) -> Component {
        self.compile_if(Duration::ZERO)
    }

    /// Keeps it if compiling took at least `worth`.
    fn compile_if(&self, worth: Duration) -> Component {
        let (engine, sha256) = (engine().unwrap(), digest::of_bytes(&self.bytes));
        let compile = || Component::from_binary(engine, &self.bytes);
        kept_in(self.folder.path(), worth, engine, &sha256, compile).unwrap()
    }

    /// The one file.
    fn path(&self) -> PathBuf {
        let mut files = fs::read_dir(&self.folder).unwrap();
        let path = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        path
    }

    fn exports(component: &Component) -> usize {
        let world = component.component_type();
        world.exports(component.engine()).len()
    }

    /// Keeps the code of another component in place of this one's, with this digest.
    fn swap(&self, digest: impl Fn(&Path, &[u8]) -> String) {
        let other = wat::parse_str(r#"(component (core module $m) (export "m" (core module $m)))"#);
        let other = Component::from_binary(engine().unwrap(), &other.unwrap()).unwrap();
        assert_eq!(Self::exports(&other), 1);
        let code = other.serialize().unwrap();
        let path = self.path();
        fs::write(&path, [digest(&path, &code).as_bytes(), &code].concat()).unwrap();
    }
}

#[test]
fn what_was_kept_is_used() {
    let cache = Cache::new();
    // Whoever can write the file with its digest is trusted, and this shows that it is read at all.
    cache.swap(sealed);
    assert_eq!(Cache::exports(&cache.compile()), 1);
}

#[test]
fn code_that_was_exchanged_is_not_run_and_compiled_again() {
    let cache = Cache::new();
    let kept = fs::read(cache.path()).unwrap();
    let own = |_: &Path, _: &[u8]| String::from_utf8(kept[..DIGEST].to_vec()).unwrap();
    // Nor what was kept for another component.
    let another = |path: &Path, code: &[u8]| sealed(&path.with_file_name("another.cwasm"), code);
    for digest in [&own as &dyn Fn(&Path, &[u8]) -> String, &another] {
        cache.swap(digest);
        assert_eq!(Cache::exports(&cache.compile()), 0);
        assert_eq!(fs::read(cache.path()).unwrap()[..DIGEST], kept[..DIGEST]);
    }
}

#[test]
fn every_damage_is_noticed_and_mended() {
    let cache = Cache::new();
    let kept = fs::read(cache.path()).unwrap();
    let step = kept.len() / 97;
    for place in (0..kept.len()).step_by(step) {
        let mut damaged = kept.clone();
        damaged[place] ^= 1;
        fs::write(cache.path(), damaged).unwrap();
        assert!(super::kept(&cache.path()).is_none(), "byte {place}");
    }
    for len in [0, 1, DIGEST, DIGEST + 1, kept.len() - 1] {
        fs::write(cache.path(), &kept[..len]).unwrap();
        assert!(super::kept(&cache.path()).is_none(), "{len} bytes");
        assert_eq!(Cache::exports(&cache.compile()), 0);
        assert_eq!(fs::read(cache.path()).unwrap(), kept);
    }
    // The right digest of what is no code.
    let nonsense = [sealed(&cache.path(), b"nonsense").as_bytes(), b"nonsense"].concat();
    fs::write(cache.path(), nonsense).unwrap();
    assert_eq!(Cache::exports(&cache.compile()), 0);
    assert_eq!(fs::read(cache.path()).unwrap(), kept);
}

#[test]
fn files_and_folders_that_others_can_write_are_not_used() {
    let cache = Cache::new();
    let mode = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
    mode(&cache.path(), 0o620).unwrap();
    assert!(kept(&cache.path()).is_none());
    let folder = cache.folder.path().join("a/b");
    assert_eq!(private(&folder), Some(folder.clone()));
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    mode(&folder, 0o770).unwrap();
    assert_eq!(private(&folder), None);
    mode(&folder, 0o700).unwrap();
    let link = cache.folder.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    assert_eq!(private(&link), None);
    fs::write(cache.folder.path().join("file"), "").unwrap();
    assert_eq!(private(&cache.folder.path().join("file")), None);
}

#[test]
fn what_was_used_last_stays() {
    let folder = tempfile::tempdir().unwrap();
    for (age, name) in ["new", "old", "older"].into_iter().enumerate() {
        let path = folder.path().join(name);
        fs::write(&path, [0; 100]).unwrap();
        let then = SystemTime::now() - Duration::from_secs(age as u64 * 60);
        File::open(&path).unwrap().set_modified(then).unwrap();
    }
    tidy(folder.path(), 250).unwrap();
    let left = |name: &str| folder.path().join(name).exists();
    assert!(left("new") && left("old") && !left("older"));
    let quick = Cache::new();
    fs::remove_file(quick.path()).unwrap();
    quick.compile_if(Duration::from_secs(600));
    assert!(fs::read_dir(&quick.folder).unwrap().next().is_none());
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let cache = Cache::new();
    let path = cache.path();
    fs::remove_file(&path).unwrap();
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name ends with a zero byte.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert_eq!(Cache::exports(&cache.compile()), 0);
    assert!(kept(&path).is_some(), "the code has its place");
}
