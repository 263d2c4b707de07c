//! A labeler that is no plugin: a program that uses this library judges by itself.

use std::fmt;
use std::sync::Arc;

use super::{Config, PluginRef};
use crate::role::{CallContext, CallError, Group, Hint, Identity, Judgement, Labeler, Outcome};

/// A labeler that every part of an experiment shares.
#[derive(Clone)]
pub struct OwnLabeler(pub Arc<dyn Labeler>);

impl fmt::Debug for OwnLabeler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.identity().fmt(formatter)
    }
}

impl PartialEq for OwnLabeler {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Labeler for OwnLabeler {
    fn identity(&self) -> &Identity {
        self.0.identity()
    }

    fn judge(
        &self,
        context: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Judgement>>, CallError> {
        self.0.judge(context, groups)
    }

    fn annotate(
        &self,
        context: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Vec<Hint>>>, CallError> {
        self.0.annotate(context, groups)
    }
}

impl Config {
    /// Has `labeler` judge in place of the plugin that `[labeler]` names, in all parts of the experiment.
    /// Where no labeler is named, one of its name is, so that the run's own config says who judged.
    #[must_use]
    pub fn judged_by(mut self, labeler: Arc<dyn Labeler>) -> Config {
        let name = labeler.identity().name.clone();
        self.labeler.get_or_insert_with(|| PluginRef::named(&name));
        self.session.labeler = Some(OwnLabeler(labeler));
        self
    }
}
