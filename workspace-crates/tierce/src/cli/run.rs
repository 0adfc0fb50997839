//! The arguments of `run`.

use clap::Args;

use crate::publish::{self, Publish};
use crate::volume::{self, Volume};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask run hello                        build an image and run its program
  cargo xtask run php -- -r 'echo PHP_VERSION;'
                                               with these arguments instead of the image's cmd
  echo '<?php echo 6 * 7;' | cargo xtask run php
                                               with the input of a pipe
  cargo xtask run web -e LOG=debug -e TOKEN    set variables, TOKEN to your own value
  cargo xtask run web -p 8080:80               127.0.0.1:8080 leads to its port 80
  cargo xtask run web --volume ./data:/srv:ro  with a folder of this machine
  cargo xtask run web --read-only              refuse changes outside of volumes

The program runs in a sandbox of this machine, without a daemon: it has its own processes, users
and files, and no network besides its own localhost. Changes of its files go away at the end.
Volumes begin empty, or with the image's files unless --read-only is given.

--publish passes TCP connections on to programs that listen on all addresses, as a daemon does.
The port is open on 127.0.0.1 alone; with -p 0.0.0.0:8080:80, other machines reach it too.

The program gets your terminal, Ctrl-C and SIGTERM. The exit code is the program's, or 128 and the
number of the signal that ended it. Before you run an image for the first time, Tierce unpacks its
layers into the cache; `cargo xtask clean --builder` removes them.")]
pub(crate) struct RunArgs {
    /// Image of the workspace
    pub(crate) image: String,
    /// Set an environment variable; without =VALUE, to its value in your environment
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// User and group of the program, by name or number [default: the image's]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Folder in which the program starts [default: the image's]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// Program to run instead of the image's entrypoint and cmd
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<String>,
    /// Pass connections to a port of this machine on to a port of the program; without HOST_PORT, to a free one,
    /// which stderr tells
    #[arg(short, long, value_name = "[[ADDRESS:]HOST_PORT:]PORT", value_parser = publish::parse)]
    pub(crate) publish: Vec<Publish>,
    /// Mount a file or folder of this machine
    #[arg(long, value_name = "HOST:PATH[:ro]", value_parser = volume::parse)]
    pub(crate) volume: Vec<Volume>,
    /// Make the root of the image read-only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Number of parallel steps, and of parallel jobs in each [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Arguments of the program, instead of the image's cmd
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) arguments: Vec<String>,
}
