//! Unmerging: a copy of ROOT without some packages, from which the image is chosen. ROOT itself stays as it was merged, for
//! whatever is compiled against it.

use tierce_docker::{ContainerSpec, Input, Mount, OutputStream};
use tierce_manifest::ImageSpec;
use tierce_plan::{Builder, Outcome, ROOT, Root, Step, Unmerged};
use tierce_portage::UNMERGE_PY;

use crate::Error;
use crate::executor::{Executor, builder_of, missing_input};
use crate::progress::Event;
use crate::run::Inputs;
use crate::steps::builder::Tail;
use crate::steps::root::RootFacts;
use crate::steps::root_digests;

/// The copy, as the builder sees it.
const COPY: &str = "/tierce/unmerged";

impl Executor<'_> {
    /// Has Portage unmerge these packages from a copy of the image's ROOT.
    pub(crate) fn unmerge(
        &self,
        step: &Step,
        image: &str,
        packages: &[String],
        inputs: &Inputs,
    ) -> Result<Outcome, Error> {
        let key = step.ingredients_with(step.after.iter().filter_map(|id| inputs.get(id))).key();
        self.session.uses().root(&self.session.places, image, key.as_str())?;
        let root = inputs.values().find_map(|outcome| match outcome {
            Outcome::Root(root) => Some(root),
            _ => None,
        });
        let root = root.ok_or_else(|| missing_input("ROOT"))?;
        let (spec, docker) = (self.image(image)?, self.docker()?);
        let container = docker.create(&self.unmerge_container(spec, packages, builder_of(inputs)?, root)?)?;
        let (mut answer, mut tail) = (Vec::new(), Tail::default());
        let exit = docker.run_created(&container, Input::none(), &mut |stream, bytes| match stream {
            OutputStream::Stdout => answer.extend_from_slice(bytes),
            OutputStream::Stderr => tail.push(stream, bytes),
        })?;
        if !exit.success() {
            let what = format!("unmerge packages of `{image}`");
            return Err(Error::Builder { what, code: exit.code, lines: tail.lines() });
        }
        let answer = tierce_portage::Unmerged::parse(&String::from_utf8_lossy(&answer))?;
        for lacking in &answer.lacking {
            let message = format!(
                "`{}` of `{image}` says that it needs `{}` at run time, and that is unmerged",
                lacking.package, lacking.needs
            );
            (self.observer)(Event::Warning { message });
        }
        let RootFacts { diagnostics, hooks, .. } = self.root_facts(&root.key)?;
        let facts = self.take_root(&docker, &container, COPY, key.as_str(), diagnostics, hooks)?;
        container.remove()?;
        Ok(Outcome::Unmerged(Unmerged {
            key: key.to_string(),
            root: root.key.clone(),
            content: root_digests::content(&facts.index),
            bytes: tierce_rootfs::report::total(&facts.index).bytes,
            lacking: answer.lacking,
        }))
    }

    /// A container that copies a ROOT and has Portage unmerge these packages from the copy.
    pub(crate) fn unmerge_container(
        &self,
        spec: &ImageSpec,
        packages: &[String],
        builder: &Builder,
        root: &Root,
    ) -> Result<ContainerSpec, Error> {
        let mut mounts = self.portage_mounts(spec, self.locked(spec.name.as_str()))?;
        mounts.push(self.script("unmerge.py", UNMERGE_PY)?);
        mounts.push(Mount::Volume { name: root.volume.clone(), target: ROOT.to_owned(), read_only: true });
        let mut command: Vec<String> = ["/tierce/scripts/unmerge.py", ROOT, COPY].map(String::from).to_vec();
        command.extend(packages.iter().map(|package| format!("={package}")));
        Ok(ContainerSpec {
            entrypoint: Some(vec!["python3".into()]),
            command,
            user: Some("0:0".into()),
            ..self.builder_container(builder, "unmerge", mounts)
        })
    }
}
