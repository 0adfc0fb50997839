//! Mounts, and copies of files in and out.

use std::io::Read;

use tierce_docker::{ContainerSpec, Error, Input, Mount, Removal};

use super::support::{LABEL, files, fixture, labels, unique};

#[test]
fn folder_names_are_mounted_verbatim() {
    let fixture = fixture();
    let outer = tempfile::tempdir().unwrap();
    let any = ["plain", "two words", "Ümläut", "a:b", "'$x", "quote\"", "a,b=c"];
    for name in &any[..if fixture.is_podman() { 5 } else { any.len() }] {
        let host = outer.path().join(name);
        std::fs::create_dir(&host).unwrap();
        std::fs::write(host.join("file"), name).unwrap();
        let target = format!("/mnt/{name}");
        let mounts = |read_only| vec![Mount::Bind { host: host.clone(), target: target.clone(), read_only }];
        let read = ContainerSpec { mounts: mounts(true), ..fixture.spec(&["cat", &format!("{target}/file")]) };
        assert_eq!(fixture.run(&read).stdout, *name);
        let new = format!("{target}/new");
        let write = ContainerSpec { mounts: mounts(true), ..fixture.spec(&["write", &new, "text"]) };
        assert!(!fixture.run(&write).exit.success());
        let write = ContainerSpec { mounts: mounts(false), ..fixture.spec(&["write", &new, "text"]) };
        assert!(fixture.run(&write).exit.success());
        assert_eq!(std::fs::read(host.join("new")).unwrap(), b"text");
    }
    let host = outer.path().join("missing");
    let mounts = vec![Mount::Bind { host, target: "/mnt".to_owned(), read_only: true }];
    let spec = ContainerSpec { mounts, ..fixture.spec(&["exit", "0"]) };
    let error = fixture.docker.run(&spec, Input::none(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::MountSource { .. }), "{error:?}");
}

#[test]
fn volumes_keep_files() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let name = unique("tierce-volume");
    assert_eq!(docker.volume(&name).unwrap(), None);
    let volume = docker.create_volume(&name, &labels()).unwrap();
    assert_eq!((&volume.name, &volume.labels), (&name, &labels()));
    assert_eq!(docker.create_volume(&name, &labels()).unwrap().created, volume.created);
    let listed = docker.volumes(&[LABEL]).unwrap();
    assert!(listed.iter().any(|listed| listed.name == name));

    let mounts = vec![Mount::Volume { name: name.clone(), target: "/data".to_owned(), read_only: false }];
    let write = ContainerSpec { mounts: mounts.clone(), ..fixture.spec(&["write", "/data/file", "text"]) };
    assert!(fixture.run(&write).exit.success());
    // A copy includes the volumes of a container that never started.
    let container = docker.create(&ContainerSpec { mounts, ..fixture.spec(&["cat", "/data/file"]) }).unwrap();
    let copied = read_out(&fixture, container.id(), "/data/.");
    assert_eq!(copied, [("file".to_owned(), b"text".to_vec())]);
    docker.copy_in(container.id(), "/data", &files(&[("file", b"other")])[..]).unwrap();
    assert!(matches!(docker.remove_volume(&name).unwrap(), Removal::InUse(_)));
    let mut stdout = Vec::new();
    docker.run_created(&container, Input::none(), &mut |_, bytes| stdout.extend_from_slice(bytes)).unwrap();
    assert_eq!(stdout, b"other");
    container.remove().unwrap();
    assert_eq!(docker.remove_volume(&name).unwrap(), Removal::Removed);
    assert_eq!(docker.remove_volume(&name).unwrap(), Removal::Absent);
}

#[test]
fn tmpfs_executes_programs() {
    let fixture = fixture();
    let mounts = vec![Mount::Tmpfs { target: "/fast".to_owned(), size: Some(1 << 20) }];
    let spec = ContainerSpec { mounts, read_only_root: true, ..fixture.spec(&["write", "/fast/file", "text"]) };
    assert!(fixture.run(&spec).exit.success());
}

#[test]
fn large_files_survive_a_copy() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let container = docker.create(&fixture.spec(&["cat", "/folder/large"])).unwrap();
    let data: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let tar = files(&[("large", &data)]);
    assert_eq!(docker.copy_in(container.id(), "/folder", &tar[..]).unwrap(), tar.len() as u64);
    let copied = read_out(&fixture, container.id(), "/folder/large");
    assert!(copied.len() == 1 && copied[0].0 == "large" && copied[0].1 == data);
    // An early drop of a stream is harmless.
    let mut started = docker.copy_out(container.id(), "/folder").unwrap();
    started.read_exact(&mut [0; 512]).unwrap();
    drop(started);

    let error = docker.copy_out(container.id(), "/absent").unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    // Podman creates the folder.
    if !fixture.is_podman() {
        let error = docker.copy_in(container.id(), "/absent", &tar[..]).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }
    let error = docker.copy_in(container.id(), "/folder", Broken(1_000_000)).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
}

/// Zeroes, then an error.
struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::other("broken"));
        }
        let length = buffer.len().min(self.0);
        buffer[..length].fill(0);
        self.0 -= length;
        Ok(length)
    }
}

fn read_out(fixture: &super::support::Fixture, container: &str, path: &str) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fixture.docker.copy_out(container, path).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        let path = entry.path().unwrap().display().to_string();
        (path.trim_start_matches("./").to_owned(), data, entry.header().entry_type().is_file())
    });
    entries.filter(|(_, _, file)| *file).map(|(path, data, _)| (path, data)).collect()
}
