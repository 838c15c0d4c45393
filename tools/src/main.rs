//! `bindgen worker|web INPUT OUT_DIR`: writes the JavaScript for a compiled module, as `index.js` and
//! `index_bg.wasm`.

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [target, input, out_dir] = args.as_slice() else {
        return Err("usage: bindgen worker|web INPUT OUT_DIR".into());
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).out_name("index").typescript(false);
    match target.as_str() {
        // After a trap, the Worker's entry resets the module with these.
        "worker" => {
            bindgen.module(true)?.reset_state_function(true).force_enable_abort_handler(true);
        }
        "web" => {
            bindgen.web(true)?.omit_default_module_path(true);
        }
        other => return Err(format!("no target [{other}]: worker or web").into()),
    }
    bindgen.generate(out_dir)?;
    Ok(())
}
