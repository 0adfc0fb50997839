//! The order within levels: few crossings, found by putting each slot near the middle of its neighbours, again and again.

use super::layers::Levels;

/// How often each direction is tried; the best of all is kept.
const SWEEPS: usize = 12;

/// Orders the levels.
pub(super) fn order(placed: &mut Levels) {
    let mut above = vec![Vec::new(); placed.slots.len()];
    let mut below = above.clone();
    for &(upper, lower) in &placed.links {
        below[upper].push(lower);
        above[lower].push(upper);
    }
    let mut best = (crossings(&placed.levels, &below), placed.levels.clone());
    let mut levels = placed.levels.clone();
    for _ in 0..SWEEPS {
        for at in 1..levels.len() {
            sort_by_neighbours(&mut levels, at, at - 1, &above);
        }
        for at in (1..levels.len()).rev() {
            sort_by_neighbours(&mut levels, at - 1, at, &below);
        }
        let count = crossings(&levels, &below);
        if count < best.0 {
            best = (count, levels.clone());
        }
    }
    placed.levels = best.1;
}

/// Sorts a level by the mean place of each slot's neighbours in another level; what has none stays where it is.
fn sort_by_neighbours(levels: &mut [Vec<usize>], at: usize, other: usize, neighbours: &[Vec<usize>]) {
    let places: std::collections::BTreeMap<usize, usize> =
        levels[other].iter().enumerate().map(|(place, slot)| (*slot, place)).collect();
    let mean = |place: usize, slot: usize| {
        let of = &neighbours[slot];
        match of.is_empty() {
            true => place as f64,
            false => of.iter().map(|slot| places[slot] as f64).sum::<f64>() / of.len() as f64,
        }
    };
    let mut keyed: Vec<(f64, usize)> =
        levels[at].iter().enumerate().map(|(place, &slot)| (mean(place, slot), slot)).collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
    levels[at] = keyed.into_iter().map(|(_, slot)| slot).collect();
}

/// How many links cross each other.
fn crossings(levels: &[Vec<usize>], below: &[Vec<usize>]) -> usize {
    let mut count = 0;
    for pair in levels.windows(2) {
        let place = |slot: &usize| pair[1].iter().position(|other| other == slot).unwrap_or_default();
        let ends: Vec<Vec<usize>> = pair[0].iter().map(|slot| below[*slot].iter().map(place).collect()).collect();
        for (at, left) in ends.iter().enumerate() {
            for right in &ends[at + 1..] {
                count += left.iter().map(|end| right.iter().filter(|other| *other < end).count()).sum::<usize>();
            }
        }
    }
    count
}
