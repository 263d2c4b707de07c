//! Plans in lines for a person to read.

use std::fmt;

use super::outline::{Outline, Planned};

impl fmt::Display for Planned {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Planned::RewardModel {
                labels: 0, name, ..
            } => write!(to, "reward     all labels, in {name}"),
            Planned::RewardModel {
                labels,
                steps,
                name,
            } => write!(to, "reward     {labels} labels in {steps} steps, in {name}"),
            Planned::Simulated { train, test } => write!(
                to,
                "labels     {train} to learn from and {test} to test by, of [labeler] on the original's responses"
            ),
            Planned::Policies(count) => {
                write!(
                    to,
                    "policies   {count}: against each reward model, and against [labeler] itself"
                )
            }
            Planned::Labels {
                first,
                total,
                mode,
                by,
            } => write!(
                to,
                "labels     {first} before the first episode, {total} at the end ({mode}, by {by})"
            ),
            Planned::Takeover {
                number,
                update,
                labels,
                steps,
            } => write!(
                to,
                "reward     model {number} from update {update} on, from {labels} labels in {steps} steps"
            ),
        }
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "run        {}", self.dir.display())?;
        writeln!(
            to,
            "model      {} ({} trainable parameters)",
            self.model.display(),
            self.trainable
        )?;
        writeln!(
            to,
            "device     {}, {}, {} threads",
            self.device, self.dtype, self.threads
        )?;
        for identity in &self.plugins {
            let short: String = identity.sha256.chars().take(12).collect();
            writeln!(
                to,
                "plugin     {} {} (sha256 {short}…{})",
                identity.name,
                identity.version,
                if identity.unsandboxed {
                    ", unsandboxed"
                } else {
                    ""
                }
            )?;
        }
        for count in &self.rows {
            writeln!(to, "rows       {count}")?;
        }
        writeln!(
            to,
            "queries    {} to train on, {} held out",
            self.queries, self.held_out
        )?;
        writeln!(
            to,
            "tokens     context {}, response {}",
            self.context_len, self.response_len
        )?;
        writeln!(
            to,
            "episodes   {} in {} updates of {}, {} epochs x {} minibatches of {}, {} at a time",
            self.updates * self.batch_size,
            self.updates,
            self.batch_size,
            self.epochs,
            self.minibatches,
            self.minibatch_size,
            self.micro_batch,
        )?;
        writeln!(to, "optimizer  {} steps", self.optimizer_steps)?;
        writeln!(to, "rates      of the policy's updates: {}", self.rates)?;
        write!(
            to,
            "memory     about {} MiB for weights, reference, gradients and optimizer, {} MiB for activations",
            self.training_bytes >> 20,
            self.activation_bytes >> 20,
        )
    }
}
