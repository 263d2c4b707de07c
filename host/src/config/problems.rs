//! Everything that cannot work in a config, gathered to be said at once.

use std::ops::RangeInclusive;

use anyhow::{Result, bail};

/// What cannot work, each with what to do about it.
pub(super) struct Problems(pub(super) Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, what: impl std::fmt::Display, hint: impl std::fmt::Display) {
        self.0.push(format!("{what}\nhint: {hint}"));
    }

    /// Says that a key of a section has another value than it may have.
    fn at(&mut self, section: &str, what: String, hint: impl std::fmt::Display) {
        // One section of several is named with its number already.
        match section.starts_with('[') {
            true => self.add(format!("{section}: {what}"), hint),
            false => self.add(format!("[{section}] {what}"), hint),
        }
    }

    pub(super) fn none(self) -> Result<()> {
        if !self.0.is_empty() {
            bail!("{}", self.0.join("\n"));
        }
        Ok(())
    }

    pub(super) fn at_least_one(&mut self, section: &str, name: &str, value: u64) {
        if value == 0 {
            self.add(
                format!("[{section}] {name} is 0, must be at least 1"),
                format!("use {section}.{name} = 1 or more"),
            );
        }
    }

    pub(super) fn not_negative(&mut self, section: &str, name: &str, value: f64) {
        if !value.is_finite() || value < 0.0 {
            self.add(
                format!("[{section}] {name} {value} must be a number, at least 0"),
                format!("use {section}.{name} = 0.0 or more"),
            );
        }
    }

    pub(super) fn within(
        &mut self,
        section: &str,
        name: &str,
        value: f64,
        range: RangeInclusive<f64>,
    ) {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            let key = match section.starts_with('[') {
                true => name.to_owned(),
                false => format!("{section}.{name}"),
            };
            self.at(
                section,
                format!("{name} {value} must be a number from {least} to {most}"),
                format!("leave {key} out for its default"),
            );
        }
    }

    pub(super) fn at_most(&mut self, section: &str, name: &str, value: u64, most: u64) {
        if value > most {
            self.add(
                format!("[{section}] {name} is {value}, must be at most {most}"),
                format!("use {section}.{name} = {most} or less"),
            );
        }
    }

    pub(super) fn share(&mut self, section: &str, name: &str, value: f64) {
        if !(0.0..=1.0).contains(&value) {
            self.add(
                format!("[{section}] {name} {value} is not in 0..1"),
                format!("use {section}.{name} from 0.0 to 1.0"),
            );
        }
    }

    pub(super) fn one_of(&mut self, section: &str, name: &str, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            self.add(
                format!("[{section}] {name} `{value}` is unknown"),
                format!("use {}", known.join(" or ")),
            );
        }
    }
}
