//! Whatever is learned, a training that was stopped ends with the bits of one that was not.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::train::checkpoint::latest;
use crate::train::{reward, sft};

const PACE: Pace = Pace {
    steps_of_epoch: 3,
    epochs: 4,
    patience: 2,
    checkpoint_every: 3,
    keep_checkpoints: 2,
};

fn weights(learner: &dyn Learns) -> Vec<Vec<f32>> {
    let flat = |(_, t): (String, Tensor)| Vec::try_from(t.detach().reshape([-1])).unwrap();
    learner.trainable().into_iter().map(flat).collect()
}

/// The three have the same weights to begin with.
fn check([first, second, third]: [&dyn Learns; 3]) {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [whole, cut] = [0, 1].map(|at| RunDir::create(dirs[at].path(), "").unwrap());
    let course = |learner, run_dir| Course {
        learner,
        run_dir,
        pace: PACE,
    };
    let fresh = || CourseState::new(Vec::new());
    let before = weights(first);
    let state = course(first, &whole).run(fresh(), None, &mut ()).unwrap();
    assert_ne!(weights(first), before);
    // The second stops in the middle of an epoch.
    let begun = course(second, &cut);
    let mut stand = begun.begin(fresh(), None).unwrap();
    for step in 0..5 {
        let mut record = begun.step(&mut stand, step).unwrap();
        if (step + 1) % 3 == 0 {
            begun.end_epoch(&mut stand, &mut record, step / 3).unwrap();
        }
        stand.metrics.append(step, &record).unwrap();
        begun.save_when_due(&mut stand, 12).unwrap();
    }
    drop(stand);
    let place = latest(&cut.checkpoints()).unwrap().unwrap();
    let stored: CourseState = checkpoint::read_state(&place).unwrap();
    assert_eq!(stored.steps, 3);
    let goes_on = course(third, &cut);
    let resumed = goes_on.run(stored, Some(place), &mut ()).unwrap();
    assert_eq!((resumed.steps, resumed.best), (state.steps, state.best));
    assert_eq!(weights(third), weights(first));
}

#[test]
fn a_resumed_training_of_a_reward_model_ends_with_the_same_bits() {
    let (examples, validation) = (
        reward::tests::examples(20, 1),
        reward::tests::examples(8, 2),
    );
    let models = [0; 3].map(|_| reward::tests::model(2));
    let mut options = reward::tests::options();
    options.epochs = PACE.epochs;
    let learners = models.each_ref().map(|model| reward::Learner {
        model,
        examples: &examples,
        validation: &validation,
        options: &options,
    });
    check(learners.each_ref().map(|learner| learner as &dyn Learns));
}

#[test]
fn a_resumed_fine_tuning_ends_with_the_same_bits() {
    let (examples, validation) = (sft::tests::pairs(20, 1), sft::tests::pairs(8, 2));
    let policies = [0; 3].map(|_| sft::tests::policy());
    let mut options = sft::tests::options();
    options.epochs = PACE.epochs;
    let learners = policies.each_ref().map(|policy| sft::Learner {
        policy,
        examples: &examples,
        validation: &validation,
        options: &options,
    });
    check(learners.each_ref().map(|learner| learner as &dyn Learns));
}
