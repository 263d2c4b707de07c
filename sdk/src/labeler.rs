//! Labelers: groups of responses in, verdicts out. The author sees one group; the batch is kept
//! here.

use crate::{
    Plugin, Rng, Row, RowResult,
    bindings::{
        exports::attune::plugin::labeler_plugin::{Groups, Guest, Hint as PackedHint, Judgements},
        types::{CallContext, Columns, Error},
    },
    column,
    outcome::{each_row, outcomes},
    plugin::Component,
};

pub use crate::bindings::exports::attune::plugin::labeler_plugin::Verdict;

/// Judges groups of responses to one query. The texts of query and
/// responses always come; `COLUMNS` needs to name reference text and metadata only.
pub trait Labeler: Plugin {
    /// Which response of the group is best.
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement>;

    /// What a person who labels this group should see; nothing by default.
    fn annotate(&self, group: Group<'_>) -> RowResult<Vec<Hint>> {
        let _ = group;
        Ok(Vec::new())
    }
}

/// What a labeler thinks of a group.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The best, several best, or no opinion.
    pub verdict: Verdict,
    /// From 0 to 1; in all groups of a batch or in none.
    pub confidence: Option<f32>,
    /// One a response; in all groups of a batch or in none.
    pub scores: Option<Vec<f32>>,
}

/// A remark on a byte span of one response of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Index of the response in its group.
    pub response: usize,
    /// Bytes of the response's text.
    pub span: std::ops::Range<usize>,
    /// What to show.
    pub note: String,
}

/// A checked batch of groups.
pub(crate) struct GroupBatch<'a> {
    context: CallContext,
    asked: Columns,
    groups: &'a Groups,
    texts: [&'a str; 4],
}

impl<'a> GroupBatch<'a> {
    pub(crate) fn new(
        context: CallContext,
        asked: Columns,
        groups: &'a Groups,
    ) -> Result<Self, Error> {
        Self::checked(context, asked, groups).map_err(Error::Input)
    }

    fn checked(context: CallContext, asked: Columns, groups: &'a Groups) -> Result<Self, String> {
        let count = groups.ids.len();
        let responses = groups.group_ends.last().map_or(0, |&end| end as usize);
        column::check("group-ends", &groups.group_ends, count, responses)?;
        let texts = [
            column::checked_text("query-text", &groups.query_text, count)?,
            column::checked_text("reference-text", &groups.reference_text, count)?,
            column::checked_text("metadata", &groups.metadata, count)?,
            column::checked_text("response-text", &groups.response_text, responses)?,
        ];
        if count > 0 && (groups.query_text.ends.is_empty() || groups.response_text.ends.is_empty())
        {
            return Err("the texts of queries and responses are missing".to_owned());
        }
        Ok(Self {
            context,
            asked,
            groups,
            texts,
        })
    }

    pub(crate) fn group(&self, group: usize) -> Group<'_> {
        Group { batch: self, group }
    }
}

/// Several responses to one query.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    batch: &'a GroupBatch<'a>,
    group: usize,
}

impl<'a> Group<'a> {
    /// The group's stable id.
    pub fn id(&self) -> u64 {
        self.batch.groups.ids[self.group]
    }

    /// Seed, update and split of the call.
    pub fn context(&self) -> &'a CallContext {
        &self.batch.context
    }

    /// This group's randomness: the same whatever the batch.
    pub fn rng(&self) -> Rng {
        Rng::for_row(self.batch.context.seed, self.id())
    }

    /// The query as text.
    pub fn query_text(&self) -> &'a str {
        &self.batch.texts[0][column::range(&self.batch.groups.query_text.ends, self.group)]
    }

    /// What a person wrote for the query; empty where nobody did.
    pub fn reference_text(&self) -> &'a str {
        column::asked(self.batch.asked, Columns::REFERENCE_TEXT);
        &self.batch.texts[1][column::range(&self.batch.groups.reference_text.ends, self.group)]
    }

    /// The task's metadata for the query, a JSON object or empty.
    pub fn metadata(&self) -> &'a str {
        column::asked(self.batch.asked, Columns::METADATA);
        &self.batch.texts[2][column::range(&self.batch.groups.metadata.ends, self.group)]
    }

    /// The responses, in order.
    pub fn responses(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let batch = self.batch;
        column::range(&batch.groups.group_ends, self.group).map(|response| {
            &batch.texts[3][column::range(&batch.groups.response_text.ends, response)]
        })
    }
}

pub(crate) fn rows<L: Labeler>(
    labeler: &L,
    context: CallContext,
    groups: &Groups,
) -> Result<(Judgements, Vec<RowResult<Judgement>>), Error> {
    let batch = GroupBatch::new(context, L::COLUMNS, groups)?;
    let rows = each_row(groups.ids.len(), |group| labeler.judge(batch.group(group)));
    let packed = pack(&batch, &rows).map_err(Error::Internal)?;
    Ok((packed, rows))
}

fn pack(batch: &GroupBatch<'_>, rows: &[RowResult<Judgement>]) -> Result<Judgements, String> {
    let given = || rows.iter().flatten();
    let with_confidence = given().any(|judgement| judgement.confidence.is_some());
    let with_scores = given().any(|judgement| judgement.scores.is_some());
    let mut packed = Judgements {
        verdicts: Vec::new(),
        confidence: Vec::new(),
        scores: Vec::new(),
        outcomes: outcomes(rows),
    };
    for (group, result) in rows.iter().enumerate() {
        let responses = batch.group(group).responses().len();
        let judgement = match result {
            Ok(judgement) => judgement.clone(),
            // Zeros only keep the columns whole; the status says that there is no value.
            Err(_) => Judgement {
                verdict: Verdict::Abstain,
                confidence: Some(0.0),
                scores: Some(vec![0.0; responses]),
            },
        };
        if with_confidence {
            packed.confidence.push(
                judgement
                    .confidence
                    .ok_or("confidence is given for some groups only")?,
            );
        }
        if with_scores {
            let scores = judgement
                .scores
                .ok_or("scores are given for some groups only")?;
            if scores.len() != responses {
                return Err(format!(
                    "group {group} has {} scores for {responses} responses",
                    scores.len()
                ));
            }
            packed.scores.extend(scores);
        }
        packed.verdicts.push(judgement.verdict);
    }
    Ok(packed)
}

pub(crate) fn hints<L: Labeler>(
    labeler: &L,
    context: CallContext,
    groups: &Groups,
) -> Result<Vec<PackedHint>, Error> {
    let batch = GroupBatch::new(context, L::COLUMNS, groups)?;
    let mut packed = Vec::new();
    for (group, hints) in each_row(groups.ids.len(), |group| {
        labeler.annotate(batch.group(group))
    })
    .into_iter()
    .enumerate()
    {
        match hints {
            Ok(hints) => packed.extend(hints.into_iter().map(|hint| PackedHint {
                group: group as u32,
                response: hint.response as u32,
                start: hint.span.start as u32,
                end: hint.span.end as u32,
                note: hint.note,
            })),
            Err(Row::NotApplicable | Row::Skip(_)) => {}
            // Hints have no statuses in the contract; the rest of the batch is still worth showing.
            Err(Row::Invalid(message) | Row::Error(message)) => {
                crate::log::warn(&format!("no hints for group {group}: {message}"));
            }
        }
    }
    Ok(packed)
}

impl<C: Component<Plugin: Labeler>> Guest for C {
    fn judge(context: CallContext, batch: Groups) -> Result<Judgements, Error> {
        rows(C::instance()?, context, &batch).map(|(packed, _)| packed)
    }

    fn annotate(context: CallContext, batch: Groups) -> Result<Vec<PackedHint>, Error> {
        hints(C::instance()?, context, &batch)
    }
}
