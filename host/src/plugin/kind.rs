//! The three kinds of plugins, whether a component plays one or a native library.

use super::contract::{Bind, Labeler, Shaper, Task, Version};
use super::native;

/// A kind of plugin: what is called, whether a component answers or a native library.
pub(super) trait Kind: Send {
    /// How a component's exports are found, by a version of the contract.
    fn bind(version: &Version) -> Bind<Self>;
    /// A native plugin of this kind.
    fn native(instance: native::Instance) -> Box<Self>;
}

impl Kind for dyn Task {
    fn bind(version: &Version) -> Bind<Self> {
        version.task
    }

    fn native(instance: native::Instance) -> Box<Self> {
        Box::new(instance)
    }
}

impl Kind for dyn Labeler {
    fn bind(version: &Version) -> Bind<Self> {
        version.labeler
    }

    fn native(instance: native::Instance) -> Box<Self> {
        Box::new(instance)
    }
}

impl Kind for dyn Shaper {
    fn bind(version: &Version) -> Bind<Self> {
        version.shaper
    }

    fn native(instance: native::Instance) -> Box<Self> {
        Box::new(instance)
    }
}
