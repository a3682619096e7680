//! `budgets.toml`: what a release must keep.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Limits;

/// A file of budgets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budgets {
    /// What the limits were set for.
    machine: String,
    budget: BTreeMap<String, Budget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// The run that must keep it.
    command: String,
    limits: Vec<String>,
}

/// The budgets of a release, in this program.
const BUDGETS: &str = include_str!("../../budgets.toml");

/// The budget of that name: `chat` is one of `loadtest/budgets.toml`, `FILE.toml:chat` one of a file of one's own; `off` is
/// none.
///
/// # Errors
/// There is no such budget or file, or the file cannot be understood.
pub(crate) fn budget(name: &str) -> Result<Option<Limits>> {
    if name == "off" {
        return Ok(None);
    }
    let Some((file, name)) = name.rsplit_once(':') else {
        return Ok(Some(find(BUDGETS, "budgets.toml", name)?));
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    Ok(Some(find(&text, file, name)?))
}

fn find(text: &str, file: &str, name: &str) -> Result<Limits> {
    let budgets: Budgets = toml::from_str(text).with_context(|| format!("{file} cannot be understood"))?;
    let Some(budget) = budgets.budget.get(name) else {
        let names: Vec<&str> = budgets.budget.keys().map(String::as_str).collect();
        bail!("{file} has no budget \"{name}\"; it has {}", names.join(", "));
    };
    if budgets.machine.trim().is_empty() || budget.command.trim().is_empty() {
        bail!("{file}: a budget says for which machine and which command it is");
    }
    let limits = budget.limits.iter().map(String::as_str);
    Limits::parse_from(limits, file).with_context(|| format!("{file}, budget {name}"))
}
