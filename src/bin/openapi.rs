//! Prints the description of the API: `scripts/build-openapi.mjs` makes it a file.

fn main() {
    println!("{:#}", connector_status::api::openapi::document());
}
