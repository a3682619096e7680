//! The documents in `docs/` are what the program prints.

use protocol::asyncapi;

#[test]
fn the_sockets_documents_are_those_of_the_types() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let document = serde_json::to_string_pretty(&asyncapi::document()).unwrap() + "\n";
    let guide = asyncapi::guide().trim_end().to_owned() + "\n";
    for (file, command, fresh) in
        [("asyncapi.json", "asyncapi", document), ("realtime.md", "realtime-guide", guide)]
    {
        let committed = std::fs::read_to_string(docs.join(file)).unwrap_or_default();
        assert!(committed == fresh, "docs/{file} is stale: cargo run -- {command} > docs/{file}");
    }
}
