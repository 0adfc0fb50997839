//! Where the slots of a level stand: as near as possible to the middle of their neighbours, in their order, without touching.

use super::layers::{Levels, Slot};

/// How often each direction is gone through; the last time decides.
const SWEEPS: usize = 8;
/// The room between two boxes.
const GAP: f64 = 22.0;
/// How much more a bend counts than a box: long edges are to be straight.
const BEND_WEIGHT: f64 = 4.0;

/// The middle of each slot, from 0 on.
pub(super) fn positions(placed: &Levels, widths: &[f64]) -> Vec<f64> {
    let mut middles = vec![0.0; placed.slots.len()];
    for level in &placed.levels {
        let mut at = 0.0;
        for &slot in level {
            middles[slot] = at + widths[slot] / 2.0;
            at += widths[slot] + GAP;
        }
    }
    let mut above = vec![Vec::new(); placed.slots.len()];
    let mut below = above.clone();
    for &(upper, lower) in &placed.links {
        below[upper].push(lower);
        above[lower].push(upper);
    }
    for _ in 0..SWEEPS {
        placed.levels.iter().skip(1).for_each(|level| settle(level, &above, placed, widths, &mut middles));
        placed.levels.iter().rev().skip(1).for_each(|level| settle(level, &below, placed, widths, &mut middles));
    }
    let left = (0..middles.len()).map(|slot| middles[slot] - widths[slot] / 2.0).fold(f64::MAX, f64::min);
    middles.iter_mut().for_each(|middle| *middle -= left);
    middles
}

/// Moves the slots of a level to the mean of their neighbours, as far as order and room allow: the least sum of squares, by
/// pooling those that would overlap (the "pool adjacent violators" algorithm of isotonic regression).
fn settle(level: &[usize], neighbours: &[Vec<usize>], placed: &Levels, widths: &[f64], middles: &mut [f64]) {
    /// Slots that stand side by side: where the first is to be, with what weight, and how many there are.
    struct Pool {
        at: f64,
        weight: f64,
        count: usize,
    }
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(level.len());
    let mut pools: Vec<Pool> = Vec::new();
    for (place, &slot) in level.iter().enumerate() {
        if place > 0 {
            offset += (widths[level[place - 1]] + widths[slot]) / 2.0 + GAP;
        }
        offsets.push(offset);
        let of = &neighbours[slot];
        let wanted = match of.is_empty() {
            true => middles[slot],
            false => of.iter().map(|slot| middles[*slot]).sum::<f64>() / of.len() as f64,
        };
        let weight = if placed.slots[slot] == Slot::Bend { BEND_WEIGHT } else { 1.0 };
        let mut pool = Pool { at: wanted - offset, weight, count: 1 };
        while let Some(before) = pools.pop_if(|before| before.at > pool.at) {
            let weight = before.weight + pool.weight;
            let at = (before.at * before.weight + pool.at * pool.weight) / weight;
            pool = Pool { at, weight, count: before.count + pool.count };
        }
        pools.push(pool);
    }
    let starts = pools.iter().flat_map(|pool| std::iter::repeat_n(pool.at, pool.count));
    for ((slot, offset), start) in level.iter().zip(offsets).zip(starts) {
        middles[*slot] = start + offset;
    }
}
