//! The limits of a sandbox: its memory and its processes.

/// The processes that a sandbox may have at once. It is far more than a build needs, and ends fork bombs.
const PROCESSES: u64 = 32_768;
/// The least memory that stays for the rest of the machine, in bytes, unless that is more than half of it.
const LEAST_RESERVE: u64 = 512 << 20;
/// The most memory that stays for the rest of the machine, in bytes.
const MOST_RESERVE: u64 = 4 << 30;

/// The limits of a sandbox. They hold where this user may make a control group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most memory, in bytes.
    pub memory: Option<u64>,
    /// The most processes and threads at once.
    pub processes: Option<u64>,
    /// Whether the limit of memory is one of swap too: nothing of the sandbox is swapped out.
    pub without_swap: bool,
    /// Whether lack of memory kills the whole sandbox. Otherwise the kernel kills one process, and the others may go on.
    pub whole_group: bool,
}

impl Limits {
    /// Returns limits of a build, which leave a part of this machine to other programs. A build whose compiler alone is killed would
    /// blame the compiler.
    pub fn of_machine() -> Limits {
        let number = |path: &str| tierce_bounded::text(path, &tierce_bounded::KERNEL).ok()?.trim().parse().ok();
        let system = rustix::system::sysinfo();
        let total = u64::from(system.mem_unit).saturating_mul(system.totalram);
        let most = [number("/proc/sys/kernel/threads-max"), number("/proc/sys/kernel/pid_max")];
        Limits::for_machine(total, most.into_iter().flatten().min())
    }

    /// Returns these limits for the program of an image, as a container has them: lack of memory kills one process. A stated limit of
    /// memory, in bytes, counts without swap.
    #[must_use]
    pub fn for_image(self, memory: Option<u64>) -> Limits {
        let without_swap = memory.is_some();
        Limits { memory: memory.or(self.memory), without_swap, whole_group: false, ..self }
    }

    /// Returns the limits for a machine with this memory, in bytes, and this limit of processes.
    fn for_machine(memory: u64, processes: Option<u64>) -> Limits {
        let reserve = (memory / 10).clamp(LEAST_RESERVE, MOST_RESERVE).min(memory / 2);
        let half = processes.map_or(PROCESSES, |all| (all / 2).min(PROCESSES));
        let memory = (memory > 0).then_some(memory - reserve);
        Limits { memory, processes: Some(half), without_swap: false, whole_group: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_the_machine_stays_free() {
        const GB: u64 = 1 << 30;
        for ((memory, processes), expected) in [
            ((16 * GB, Some(4_194_304)), (Some(16 * GB - 16 * GB / 10), Some(32_768))),
            ((128 * GB, None), (Some(124 * GB), Some(32_768))),
            ((2 * GB, Some(32_768)), (Some(2 * GB - (512 << 20)), Some(16_384))),
            ((GB / 2, Some(4_000)), (Some(GB / 4), Some(2_000))),
            ((0, None), (None, Some(32_768))),
        ] {
            let found = Limits::for_machine(memory, processes);
            assert_eq!((found.memory, found.processes), expected, "{memory} {processes:?}");
        }
    }

    #[test]
    fn image_loses_one_process_and_no_swap() {
        let build = Limits::for_machine(1 << 34, None);
        assert!(build.whole_group && !build.without_swap);
        let image = build.for_image(None);
        assert_eq!(image, Limits { whole_group: false, ..build });
        let stated = build.for_image(Some(1000));
        assert_eq!(stated, Limits { memory: Some(1000), without_swap: true, ..image });
    }

    #[test]
    fn this_machine_has_limits() {
        let found = Limits::of_machine();
        assert!(found.memory.is_some_and(|memory| memory > 0) && found.processes.is_some_and(|count| count > 100));
    }
}
