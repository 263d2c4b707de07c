//! Scores many responses: each different text once, queries shared, short rows together.

use std::collections::HashMap;

use tch::Kind;

use crate::model::reward::{Passages, RewardModel};
use crate::train::batches::parts;

/// Responses of one query that go through the model in one row, at most.
const RESPONSES_IN_A_ROW: usize = 8;

/// Where each response to a query stands: in which row of the work, and at which place.
type Places<'a> = HashMap<(&'a [u32], &'a [u32]), (usize, usize)>;

/// Rewards of all responses of `rows`: `[row][response][head]`.
pub fn scores(model: &RewardModel, rows: &[Passages], micro_tokens: usize) -> Vec<Vec<Vec<f64>>> {
    let mut places = Places::new();
    let work = unique(rows, &mut places);
    let mut found: Vec<Vec<Vec<f64>>> = vec![Vec::new(); work.len()];
    let all: Vec<usize> = (0..work.len()).collect();
    for part in parts(&all, micro_tokens, |&at| work[at].len()) {
        let passages: Vec<&Passages> = part.iter().map(|&at| &work[at]).collect();
        let rewards = model.score(&passages).to_device(tch::Device::Cpu);
        let heads = rewards.size()[2] as usize;
        let rewards = rewards.to_kind(Kind::Double);
        for (row, &at) in part.iter().enumerate() {
            let own = Vec::<f64>::try_from(rewards.get(row as i64).reshape([-1]));
            let own = own.expect("a tensor of doubles on the CPU");
            let responses = own.chunks(heads).take(work[at].responses.len());
            found[at] = responses.map(<[f64]>::to_vec).collect();
        }
    }
    let of = |row: &Passages, response: &Vec<u32>| {
        let (at, place) = places[&(row.query.as_slice(), response.as_slice())];
        found[at][place].clone()
    };
    rows.iter()
        .map(|row| row.responses.iter().map(|r| of(row, r)).collect())
        .collect()
}

/// Each different response to each query once, in the order in which they come first.
fn unique<'a>(rows: &'a [Passages], places: &mut Places<'a>) -> Vec<Passages> {
    let mut work: Vec<Passages> = Vec::new();
    let mut open: HashMap<&[u32], usize> = HashMap::new();
    for row in rows {
        for response in &row.responses {
            let key = (row.query.as_slice(), response.as_slice());
            if places.contains_key(&key) {
                continue;
            }
            // Without a query there is nothing to share, and short rows pad less.
            let most = if row.query.is_empty() {
                1
            } else {
                RESPONSES_IN_A_ROW
            };
            let fits = |at: &&usize| work[**at].responses.len() < most;
            let at = match open.get(row.query.as_slice()).filter(fits) {
                Some(at) => *at,
                None => {
                    work.push(Passages {
                        query: row.query.clone(),
                        responses: Vec::new(),
                    });
                    open.insert(&row.query, work.len() - 1);
                    work.len() - 1
                }
            };
            places.insert(key, (at, work[at].responses.len()));
            work[at].responses.push(response.clone());
        }
    }
    work
}
