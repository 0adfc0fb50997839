//! The image that another one begins with: its files as a container sees them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use tierce_manifest::ImageSpec;
use tierce_oci::Runtime;
use tierce_plan::{Outcome, PackedLayer};
use tierce_rootfs::{ACCOUNTS, Base, FileContent, Globs, Index, Start, stack};

use crate::executor::{Executor, missing_input};
use crate::run::Inputs;
use crate::steps::overlay::text_of;
use crate::steps::packages::open;
use crate::{Error, accounts};

/// What is below an image.
pub(crate) struct Below {
    /// Its layers, the lowest first.
    pub(crate) layers: Vec<PackedLayer>,
    /// Its files, and the ROOT that they were chosen of.
    pub(crate) base: Base,
    /// How the image from anywhere is run that is the lowest, where there is one.
    pub(crate) foreign: Option<Runtime>,
}

/// What comes of laying an image over the ROOT of the one on top.
#[derive(Default)]
pub(crate) struct Laid {
    /// Where the selection starts.
    pub(crate) starts: Vec<Start>,
    /// What the image has given, by its path in ROOT with that in the image.
    pub(crate) laid: BTreeMap<String, String>,
}

impl Below {
    /// Lays it over ROOT, whose archive is `archive`.
    pub(crate) fn lay_over(&self, root: &mut Index, globs: &mut Globs, archive: &Path) -> Result<Laid, Error> {
        let (mut source, _) = open(archive)?;
        let is_foreign = self.base.is_foreign();
        let of_root = ACCOUNTS.iter().filter(|_| is_foreign).map(|path| text_of(root, &mut source, path));
        let of_root = of_root.collect::<Result<Vec<_>, Error>>()?;
        let laid = self.base.lay_over(root)?;
        for (path, others) in ACCOUNTS.iter().zip(of_root) {
            add_accounts(root, path, &others.unwrap_or_default(), &mut source)?;
        }
        globs.decided = self.base.decided(root);
        globs.decided.extend(laid.keys().cloned());
        Ok(Laid { starts: self.base.starts(root, globs), laid })
    }
}

impl Executor<'_> {
    /// What is below an image, of the results of the steps before it is packed; none where it begins with nothing.
    pub(crate) fn below(&self, spec: &ImageSpec, inputs: &Inputs) -> Result<Option<Below>, Error> {
        let name = match &spec.base {
            tierce_manifest::Base::Scratch => return Ok(None),
            tierce_manifest::Base::Foreign(reference) => {
                return self.foreign_below(&reference.value.to_string(), inputs).map(Some);
            }
            tierce_manifest::Base::Image(name) => &name.value,
        };
        let of_base = || inputs.iter().filter(|(id, _)| id.image() == Some(name.as_str())).map(|(_, outcome)| outcome);
        let packed = of_base().find_map(|outcome| match outcome {
            Outcome::Image(packed) => Some(packed),
            _ => None,
        });
        let root = of_base().find_map(|outcome| match outcome {
            Outcome::Root(root) => Some(root),
            _ => None,
        });
        let (packed, root) = packed.zip(root).ok_or_else(|| missing_input("the base"))?;
        let root = self.root_facts(&root.key)?.index;
        let base = self.base(name.as_str(), &packed.layers, root, packed.foreign.is_some())?;
        // Those that it has of its own base are named after that one.
        let named = |layer: &PackedLayer| match layer.name.contains(": ") {
            true => layer.clone(),
            false => PackedLayer { name: format!("{name}: {}", layer.name), ..layer.clone() },
        };
        let layers = packed.layers.iter().map(named).collect();
        Ok(Some(Below { layers, base, foreign: packed.foreign.clone() }))
    }

    fn foreign_below(&self, reference: &str, inputs: &Inputs) -> Result<Below, Error> {
        let saved = inputs.values().find_map(|outcome| match outcome {
            Outcome::Base(base) => Some(base),
            _ => None,
        });
        let saved = saved.ok_or_else(|| missing_input("the base"))?;
        let base = self.base(reference, &saved.layers, Index::new(), true)?;
        Ok(Below { layers: saved.layers.clone(), base, foreign: Some(saved.runtime.clone()) })
    }

    /// The files of an image of these layers, which was chosen of a ROOT.
    fn base(&self, name: &str, packed: &[PackedLayer], root: Index, is_foreign: bool) -> Result<Base, Error> {
        let (mut layers, mut archives) = (Vec::new(), Vec::new());
        for layer in packed {
            self.session.check_interrupted()?;
            layers.push(self.layer_index(layer)?);
            archives.push(self.session.places.blob(layer.diff_id.trim_start_matches("sha256:")));
        }
        Ok(Base::new(name, &stack(&layers), &archives, root, is_foreign)?)
    }
}

/// Adds to a list of users or groups those that only ROOT has.
fn add_accounts(index: &mut Index, path: &str, others: &str, source: &mut File) -> Result<(), Error> {
    let Some(text) = text_of(index, source, path)? else { return Ok(()) };
    let both = accounts::with_others(&text, others);
    if let Some(node) = index.tree().get(path).cloned().filter(|_| both != text) {
        let (size, content) = (both.len() as u64, FileContent::of_bytes(both.into_bytes()));
        index.insert_file(path, node, size, content)?;
    }
    Ok(())
}
