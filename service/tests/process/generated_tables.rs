//! Generated tables in the documents.

use std::{env, fs, path::Path};

/// Fails unless `content` stands in a document of the repository, between `<!-- name -->` and `<!-- end -->`. With
/// `UPDATE_EXPECT=1`, writes it there.
pub fn assert_section(document: &str, name: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(document);
    let text = fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{document} has no {begin}"));
    let (found, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{document} has no <!-- end -->"));
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, format!("{before}{begin}{content}<!-- end -->{after}")).unwrap();
    } else {
        assert_eq!(found, content, "{document} is not what the code says: run the tests once with UPDATE_EXPECT=1");
    }
}
