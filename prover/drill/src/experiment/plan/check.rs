//! Checks a drill that was read: its bounds, its blast radius, its hypotheses, its templates.

use keel_input::template;

use super::error::PlanError;
use super::places::At;
use super::{BlastRadius, Does, MAX_LENGTH, MAX_RATE, Plan, Step};

/// Every mistake, each with the part that it is in.
pub(super) fn mistakes(plan: &Plan) -> Vec<(At, String)> {
    let mut found: Vec<(At, String)> = load(plan).into_iter().map(|what| (At::Load, what)).collect();
    if plan.hypotheses.is_empty() {
        found.push((At::Whole, "it has no hypothesis: then nothing can be learned from it".to_owned()));
    }
    for (number, step) in plan.steps.iter().enumerate() {
        found.extend(self::step(plan, step).into_iter().map(|what| (At::Step(number), what)));
    }
    found.extend(overlaps(plan));
    for (number, hypothesis) in plan.hypotheses.iter().enumerate() {
        let wrong = hypothesis.check(&plan.load).err().map(|refusal| refusal.0);
        found.extend(wrong.map(|what| (At::Hypothesis(number), what)));
        let list = hypothesis.effects.as_ref().and_then(|effects| places_of_list(&effects.list).err());
        found.extend(list.map(|what| (At::Hypothesis(number), format!("the hypothesis {:?} {what}", hypothesis.name))));
    }
    found.extend(banks(plan));
    for (number, abort) in plan.aborts.iter().enumerate() {
        if abort.errors.is_some() == abort.command.is_some() {
            let what = format!("the abort condition {:?} needs one of errors and command", abort.name);
            found.push((At::Abort(number), what));
        }
    }
    found
}

fn load(plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    if plan.load.lasts > MAX_LENGTH {
        wrong.push(format!("the load lasts longer than {MAX_LENGTH:?}"));
    }
    if !(plan.load.rate > 0.0 && plan.load.rate <= MAX_RATE) {
        wrong.push(format!("a rate of {} is not between 0 and {MAX_RATE} requests a second", plan.load.rate));
    }
    if plan.load.mix.values().sum::<u32>() == 0 {
        wrong.push("the mix of the load is empty".to_owned());
    }
    wrong
}

fn step(plan: &Plan, step: &Step) -> Vec<String> {
    let mut wrong = Vec::new();
    if step.at + step.lasts >= plan.load.lasts {
        wrong
            .push(format!("the step {:?} ends after the load: end it earlier, so that its end is observed", step.name));
    }
    wrong.extend(allowed(&plan.blast_radius, step).err());
    wrong.extend(prepared(plan, step).err().map(|refusal| refusal.0));
    wrong
}

/// Checks that a fault of the host has all that it needs.
fn prepared(plan: &Plan, step: &Step) -> Result<(), PlanError> {
    let Does::Host(host) = &step.does else { return Ok(()) };
    let mut settings = plan.prepare.settings(&host.name);
    settings.extend(host.process.as_ref().map(|_| ("pid".to_owned(), 2.into())));
    host.fault(settings).map(drop)
}

/// A proxy has one fault at a time: the end of one step would end the other.
fn overlaps(plan: &Plan) -> Vec<(At, String)> {
    let mut found = Vec::new();
    for (place, first) in plan.steps.iter().enumerate() {
        let same = |second: &&Step| {
            let shared = first.does.dependencies().iter().any(|name| second.does.dependencies().contains(name));
            shared && first.at < second.at + second.lasts && second.at < first.at + first.lasts
        };
        if let Some(second) = plan.steps[place + 1..].iter().find(same) {
            let (first, second) = (&first.name, &second.name);
            found.push((
                At::Step(place),
                format!("{first:?} and {second:?} disturb the same dependency at the same time"),
            ));
        }
    }
    found
}

/// One bank has all accounts and all moves.
fn banks(plan: &Plan) -> Vec<(At, String)> {
    let mut found = Vec::new();
    let mut banks = plan.hypotheses.iter().enumerate().filter_map(|(number, one)| Some((number, one.bank.as_ref()?)));
    let Some((_, bank)) = banks.next() else { return found };
    for (number, step) in plan.steps.iter().enumerate() {
        if matches!(&step.does, Does::Wild { request, .. } if bank.moves.contains_key(request)) {
            let what = format!("the step {:?} moves money without a bank that records it", step.name);
            found.push((At::Step(number), what));
        }
    }
    if let Some((number, _)) = banks.next() {
        found.push((At::Hypothesis(number), "there are two banks: one has all accounts and all moves".to_owned()));
    }
    found
}

/// The path of a list of effects has a place for what fetches the next page, and no other.
fn places_of_list(path: &str) -> Result<(), String> {
    match template::unknown(path, |name| name == "after").first() {
        Some(name) => Err(format!("has {{{name}}} in `list`, which nothing fills; known there: {{after}}")),
        None => Ok(()),
    }
}

/// Checks that a step stays within the blast radius.
fn allowed(radius: &BlastRadius, step: &Step) -> Result<(), String> {
    let outside = |what: String, part: &str| {
        let name = &step.name;
        Err(format!("the step {name:?} touches {what}, which is not in blast-radius.{part}: nothing was done"))
    };
    if let Some(dependency) = step.does.dependencies().into_iter().find(|name| !radius.dependencies.contains(*name)) {
        return outside(format!("the dependency {dependency}"), "dependencies");
    }
    match &step.does {
        Does::Kill(process) | Does::Freeze(process) if !radius.processes.contains(process) => {
            outside(format!("the process {process}"), "processes")
        }
        Does::Host(host) => match &host.process {
            Some(process) if !radius.processes.contains(process) => {
                outside(format!("the process {process}"), "processes")
            }
            _ if !radius.host.contains(&host.name) => outside(format!("the host by {}", host.name), "host"),
            _ => Ok(()),
        },
        Does::Rate(_) | Does::Wild { .. } if !radius.load => outside("the load".to_owned(), "load"),
        Does::Command { .. } if !radius.commands => outside("the host by a command".to_owned(), "commands"),
        _ => Ok(()),
    }
}
