//! What a labeler says of comparisons: which response is the best, where it plays people; and what people are to see
//! beside the responses, where they judge themselves.

use std::ops::Range;

use anyhow::{Result, bail};

use crate::config::{Collect, Config};
use crate::experiment::noise::hear;
use crate::label::room::Hint;
use crate::label::{Answer, Labeler as Who};
use crate::role::{CallContext, Group, Labeler, Outcome, Query, Sample, Split, Verdict};
use crate::seed::{self, Stream};

/// Comparisons as a labeler is asked for them.
pub(in crate::experiment) fn groups(
    numbers: Range<u64>,
    asked: &[(Query, Vec<Sample>)],
) -> Vec<Group> {
    let group = |(number, (query, samples)): (u64, &(Query, Vec<Sample>))| Group {
        id: number,
        query: query.clone(),
        responses: samples.iter().map(|sample| sample.text.clone()).collect(),
    };
    numbers.zip(asked).map(group).collect()
}

/// What the labeler says of each comparison, with the errors of the people that it plays.
pub(super) fn judge(
    labeler: &dyn Labeler,
    config: &Config,
    collect: &Collect,
    numbers: Range<u64>,
    asked: &[(Query, Vec<Sample>)],
    update: u64,
) -> Result<Vec<(Answer, Who)>> {
    let groups = groups(numbers.clone(), asked);
    let context = CallContext {
        seed: seed::derive(config.run.seed, "collect-judge", numbers.start),
        update,
        split: Split::Train,
    };
    let identity = labeler.identity();
    let mut all = Vec::new();
    for (number, outcome) in numbers.zip(labeler.judge(context, &groups)?) {
        let answer = match outcome {
            Outcome::Value(judgement) => match judgement.verdict {
                Verdict::Best(place) => Answer::Best(place),
                Verdict::Tie(places) => Answer::Tie(places),
                Verdict::Abstain => Answer::Abstain,
            },
            Outcome::NotApplicable(_) => Answer::Abstain,
            Outcome::Invalid(text) | Outcome::Error(text) => bail!(
                "labeler `{}` failed on comparison {number}: {text}\nhint: mend the plugin, and begin a new run \
                 directory; what was labeled before is in the store",
                identity.name
            ),
        };
        let stream = Stream::new(seed::derive(config.run.seed, "collect-noise", number));
        let heard = hear(answer, collect.responses, &collect.noise, stream);
        let name = match heard.annotator {
            None => identity.name.clone(),
            Some(who) => format!("{} as annotator {}", identity.name, who + 1),
        };
        let who = Who::Plugin {
            name,
            version: identity.kept_version(),
            sha256: identity.sha256.clone(),
        };
        all.push((heard.answer, who));
    }
    Ok(all)
}

/// What the labeler would have people see beside the responses of each group; nothing, where it does not say.
pub(in crate::experiment) fn annotate(
    labeler: &dyn Labeler,
    seed: u64,
    update: u64,
    groups: &[Group],
) -> Result<Vec<Vec<Hint>>> {
    let context = CallContext {
        seed,
        update,
        split: Split::Train,
    };
    let mut all = Vec::new();
    for (group, outcome) in groups.iter().zip(labeler.annotate(context, groups)?) {
        let hints = match outcome {
            Outcome::Value(hints) => hints,
            Outcome::NotApplicable(_) => Vec::new(),
            Outcome::Invalid(text) | Outcome::Error(text) => bail!(
                "labeler `{}` gave no hints for comparison {}: {text}\nhint: mend the plugin, or go on without by \
                 people.hints = \"off\"",
                labeler.identity().name,
                group.id
            ),
        };
        let hints = hints.into_iter().map(|hint| Hint {
            response: hint.response,
            start: hint.start,
            end: hint.end,
            note: hint.note,
        });
        all.push(hints.collect());
    }
    Ok(all)
}
