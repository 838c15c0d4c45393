//! Prints the OpenAPI document, which `scripts/build-openapi.mjs` writes to a file.

fn main() {
    println!("{:#}", connector_status::api::openapi::document());
}
