//! A run while it goes on, as server-sent events: numbers, samples, alarms and where it stands. Its files are looked at
//! twice a second, and only while somebody watches; the run knows nothing of it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::path::Path as FilePath;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::door::Caller;
use super::face::Face;
use super::heard::{Asked, Named};
use super::refusal::{Answered, Refusal};
use super::runs;
use super::tail::{Grown, Tail};
use crate::label::room::Role;
use crate::report::samples::Sample;
use crate::report::{self, RunRef};
use crate::run_dir::RunDir;

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// So many looks from one to the next at where the run stands, and at whether the watcher may still watch.
const SELDOM: u32 = 8;
/// How often a line is sent where nothing happens, by which a proxy knows that somebody is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Updates of one event.
const AT_A_TIME: usize = 500;
/// Updates whose times say how long one takes.
const TIMED: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    after: Option<u64>,
}

/// All that happens in a run from now on, or from behind update `after`.
pub(super) async fn stream(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Named(id): Named,
    Asked(From { after }): Asked<From>,
) -> Answered<Response> {
    let run = runs::of(&face, &headers, &id).await?;
    let caller = face.door.caller(&headers, Instant::now())?;
    let one = Arc::clone(&face.watched.watchers).try_acquire_owned();
    let one = one.map_err(|_| Refusal::busy())?;
    // Where a browser was before it lost the connection.
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    let after = last.or(after);
    let following = face.aside(move || Ok(Following::new(run, after)?)).await?;
    let (sender, receiver) = channel(16);
    tokio::spawn(async move {
        follow(&face, caller, following, sender).await;
        drop(one);
    });
    let alive = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(Happening(receiver))
        .keep_alive(alive)
        .into_response())
}

/// Sends what happens until nobody listens, or may listen, any more.
async fn follow(
    face: &Face,
    caller: Caller,
    mut following: Following,
    to: Sender<Result<Event, Infallible>>,
) {
    for look in 0_u32.. {
        let seldom = look.is_multiple_of(SELDOM);
        if seldom {
            let known = face.of_caller(caller.clone()).await;
            if !known.is_ok_and(|known| known.role() == Role::Researcher) {
                return;
            }
        }
        let looked = face.aside(move || {
            let events = following.look(seldom)?;
            Ok((following, events))
        });
        let Ok((back, events)) = looked.await else {
            return;
        };
        following = back;
        for event in events {
            if to.send(Ok(event)).await.is_err() {
                return;
            }
        }
        if tokio::time::timeout(PAUSE, to.closed()).await.is_ok() {
            return;
        }
    }
}

/// What is sent of a run.
struct Happening(Receiver<Result<Event, Infallible>>);

impl Stream for Happening {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// Where a watcher is in the files of a run.
struct Following {
    run: Arc<RunRef>,
    metrics: Tail,
    samples: Tail,
    events: Tail,
    /// The last update that was sent.
    last: Option<u64>,
    /// Seconds of the last updates.
    seconds: VecDeque<f64>,
    /// Where the run stood when that was sent.
    stood: Option<Value>,
}

impl Following {
    fn new(run: Arc<RunRef>, after: Option<u64>) -> std::io::Result<Following> {
        let dir = RunDir::at(&run.dir);
        let begin = |path: &FilePath| match after {
            Some(update) => Tail::after(path, update),
            None => Tail::at_end(path),
        };
        Ok(Following {
            metrics: begin(&dir.metrics())?,
            samples: begin(&dir.samples())?,
            // Those before are in the run's header.
            events: Tail::at_end(&dir.root().join("events.jsonl"))?,
            last: after,
            seconds: VecDeque::new(),
            stood: None,
            run,
        })
    }

    /// What happened since the last look.
    fn look(&mut self, stands: bool) -> Result<Vec<Event>> {
        let mut told = Vec::new();
        let mut grown = self.metrics.more()?;
        let first = grown.lines.first().and_then(|line| line["update"].as_u64());
        if first.is_some_and(|first| self.last.is_some_and(|last| first <= last)) {
            // What was sent is made again.
            grown = self.metrics.cut()?;
        }
        let has_more = !grown.lines.is_empty();
        if grown.cut {
            self.last = None;
            self.samples.cut()?;
            told.push(Event::default().event("restart").data("{}"));
        }
        self.numbers(&grown, &mut told)?;
        let Grown { lines, .. } = self.samples.more()?;
        for line in lines {
            // As `GET …/samples` has them, whichever version wrote the line.
            if let Ok(sample) = serde_json::from_value::<Sample>(line) {
                told.push(event("sample", &serde_json::to_value(sample)?));
            }
        }
        let Grown { lines, .. } = self.events.more()?;
        let alarms = lines.iter().filter(|line| line["event"] == "alarm");
        told.extend(alarms.map(|alarm| event("alarm", alarm)));
        if stands || has_more {
            self.stand(&mut told);
        }
        Ok(told)
    }

    fn numbers(&mut self, grown: &Grown, told: &mut Vec<Event>) -> Result<()> {
        for lines in grown.lines.chunks(AT_A_TIME) {
            let (updates, series) = columns(lines);
            let Some(last) = updates.last().copied() else {
                continue;
            };
            for key in ["time/update", "time/step"] {
                let times = series.get(key).into_iter().flatten();
                self.seconds.extend(times.filter_map(|time| *time));
            }
            let late = self.seconds.len().saturating_sub(TIMED);
            self.seconds.drain(..late);
            self.last = Some(last);
            let numbers = json!({ "update": updates, "series": series });
            told.push(event("metrics", &numbers).id(last.to_string()));
        }
        Ok(())
    }

    /// Tells where the run stands, where that is not as it was.
    fn stand(&mut self, told: &mut Vec<Event>) {
        let now = self.run.now();
        let left = now.updates.map(|all| all.saturating_sub(now.update));
        let each = self.seconds.iter().sum::<f64>() / self.seconds.len() as f64;
        let eta = left.map(|left| left as f64 * each);
        let eta = eta.filter(|eta| eta.is_finite() && now.state == report::State::Running);
        let stands = json!({
            "state": now.state, "update": now.update, "updates": now.updates, "eta_seconds": eta,
        });
        if self.stood.as_ref() != Some(&stands) {
            told.push(event("state", &stands));
            self.stood = Some(stands);
        }
    }
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// Lines of numbers as a column for each name, all of one length.
fn columns(lines: &[Value]) -> (Vec<u64>, BTreeMap<&str, Vec<Option<f64>>>) {
    let mut updates = Vec::new();
    let mut series: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for line in lines {
        let Some((object, update)) = line.as_object().zip(line["update"].as_u64()) else {
            continue;
        };
        for (key, value) in object.iter().filter(|(key, _)| *key != "update") {
            let column = series.entry(key).or_default();
            column.resize(updates.len(), None);
            column.push(value.as_f64());
        }
        updates.push(update);
    }
    for column in series.values_mut() {
        column.resize(updates.len(), None);
    }
    (updates, series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_of_one_length() {
        let lines = [
            json!({"update": 3, "a": 1.5, "b": null}),
            json!({"update": 4, "c": 2}),
            json!({"no": "update"}),
        ];
        let (updates, series) = columns(&lines);
        assert_eq!(updates, [3, 4]);
        let columns: Vec<_> = series.into_iter().collect();
        let expected = [
            ("a", vec![Some(1.5), None]),
            ("b", vec![None, None]),
            ("c", vec![None, Some(2.0)]),
        ];
        assert_eq!(columns, expected);
    }
}
