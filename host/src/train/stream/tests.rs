//! Rows that are read when they are needed are each met once a pass, in one order, wherever one begins.

use std::sync::Arc;

use super::*;
use crate::config::PluginLimits;
use crate::role::{
    Baseline, CallContext, CallError, Ending, Identity, Layout, MetricDescription, Outcome, Sample,
    Split, Task,
};
use crate::rows::Rows;
use crate::train::queries::Maker;

/// Makes a query of every third row alone.
struct Thirds(Layout, Identity);

impl Task for Thirds {
    fn identity(&self) -> &Identity {
        &self.1
    }

    fn metrics(&self) -> &[MetricDescription] {
        &[]
    }

    fn layout(&self) -> &Layout {
        &self.0
    }

    fn queries(
        &self,
        _: CallContext,
        rows: &[(u64, String)],
    ) -> Result<Vec<Outcome<Query>>, CallError> {
        let query = |(id, _): &(u64, String)| match id % 3 {
            0 => Outcome::Value(Query {
                id: *id,
                tokens: vec![1],
                ..Query::default()
            }),
            _ => Outcome::NotApplicable(None),
        };
        Ok(rows.iter().map(query).collect())
    }

    fn finish(&self, _: CallContext, _: &[Sample]) -> Result<Vec<Outcome<Ending>>, CallError> {
        Ok(Vec::new())
    }

    fn evaluate(&self, _: CallContext, _: &[Sample]) -> Result<Vec<Outcome<Vec<f32>>>, CallError> {
        Ok(Vec::new())
    }

    fn baselines(&self, _: CallContext, _: &[Query]) -> Result<Vec<Baseline>, CallError> {
        Ok(Vec::new())
    }
}

fn streamed(counts: &[usize]) -> Streamed {
    let mut all = Vec::new();
    let mut first_id = 0;
    for count in counts {
        let mut rows = Rows::numbered(*count);
        rows.first_id = first_id;
        first_id = rows.next_id();
        all.push(rows);
    }
    let layout = Layout {
        query_len: 4,
        ..Layout::default()
    };
    let identity = Identity::of_program("thirds", "1");
    let maker = Maker {
        task: Arc::new(Thirds(layout, identity)),
        split: Split::Train,
        root_seed: 1,
        limits: PluginLimits::default(),
    };
    Streamed::new(all, maker).unwrap()
}

fn ids(queries: &[Query]) -> Vec<u64> {
    queries.iter().map(|query| query.id).collect()
}

#[test]
fn a_pass_meets_each_query_once_and_the_next_in_the_same_order() {
    let stream = Queries::Streamed(streamed(&[1000, 500])).shuffled(7);
    let pass = ids(&stream.batch(0, 500).unwrap());
    let mut sorted = pass.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        (0..500).map(|number| number * 3).collect::<Vec<_>>()
    );
    assert_ne!(sorted, pass);
    assert_eq!(ids(&stream.batch(500, 500).unwrap()), pass);
    let counts = stream.counts().into_iter();
    let numbers = counts.map(|count| (count.read, count.looked_at, count.queries));
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        [(1000, 1000, 334), (500, 500, 166)]
    );
}

#[test]
fn one_can_begin_anywhere() {
    let stream = || Queries::Streamed(streamed(&[1000])).shuffled(7);
    let whole = ids(&stream().batch(0, 700).unwrap());
    let second = stream();
    for start in [600, 30, 0, 31, 400] {
        let batch = ids(&second.batch(start, 20).unwrap());
        assert_eq!(batch, whole[start as usize..start as usize + 20], "{start}");
    }
    // As a run does that goes on.
    second.batch(0, 123).unwrap();
    let row = second.row();
    assert!(row.unwrap() >= 123 * 2);
    let third = stream();
    third.go_on(123, row, &second.counts());
    assert_eq!(ids(&third.batch(123, 200).unwrap()), whole[123..323]);
    // Without the row it takes longer, and is the same.
    assert_eq!(ids(&stream().batch(123, 5).unwrap()), whole[123..128]);
}

#[test]
fn rows_are_counted_once_however_often_a_run_is_killed() {
    let stream = || Queries::Streamed(streamed(&[1000, 5000])).shuffled(7);
    let whole = stream();
    let mut at = (0, None, Vec::new());
    for (start, count) in [(0, 170), (170, 1), (171, 300), (471, 900), (1371, 900)] {
        let wanted = ids(&whole.batch(start, count).unwrap());
        let killed = stream();
        killed.go_on(at.0, at.1, &at.2);
        assert_eq!(ids(&killed.batch(start, count).unwrap()), wanted);
        assert_eq!(killed.counts(), whole.counts(), "{start}");
        at = (start + count as u64, killed.row(), killed.counts());
    }
    let met: usize = whole.counts().iter().map(|count| count.looked_at).sum();
    assert_eq!(met, 6000);
    // Nor are they counted again where one begins anew.
    whole.batch(0, 10).unwrap();
    assert_eq!(at.2, whole.counts());
}

#[test]
fn the_last_are_held_out() {
    let mut rows = streamed(&[100, 11]);
    let held_out = rows.hold_out(3).unwrap();
    assert_eq!(ids(&held_out), [102, 105, 108]);
    let (first, counts) = rows.first(2, |query| query.id > 3).unwrap();
    assert_eq!(ids(&first), [6, 9]);
    assert_eq!(counts[0].read, 100);
    let met = Queries::Streamed(rows).shuffled(0).batch(0, 34).unwrap();
    assert_eq!(ids(&met).into_iter().max(), Some(99));
    let message = streamed(&[8]).hold_out(4).unwrap_err().to_string();
    assert!(message.contains("there are 3 queries"), "{message}");
}
