//! The numbers of the OpenAPI document in words that every generator of clients understands.
//!
//! The types of the code have exact formats (`uint32`), which few generators know; what is written for them is
//! a signed format that is wide enough, with the bounds of the type.

use serde_json::{Map, Value};

/// Largest whole number that is stored: one bit is the sign.
const LARGEST: u64 = i64::MAX as u64;

/// Rewrites every whole number below this.
pub(crate) fn widen(value: &mut Value) {
    match value {
        Value::Object(object) => {
            rewrite(object);
            object.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        _ => {}
    }
}

fn rewrite(schema: &mut Map<String, Value>) {
    let Some(format) = schema.get("format").and_then(Value::as_str) else {
        return;
    };
    let (format, least, most) = match format {
        "uint8" => ("int32", 0, u64::from(u8::MAX)),
        "uint16" => ("int32", 0, u64::from(u16::MAX)),
        "uint32" => ("int64", 0, u64::from(u32::MAX)),
        "uint64" => ("int64", 0, LARGEST),
        _ => return,
    };
    schema.insert("format".into(), format.into());
    for (bound, value) in [("minimum", least), ("maximum", most)] {
        schema.entry(bound).or_insert(value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_has_a_format_that_holds_it_and_its_bounds() {
        let mut schema = json!({"properties": {
            "limit": {"type": "integer", "format": "uint32", "minimum": 0},
            "page": {"type": "integer", "format": "uint32", "minimum": 1, "maximum": 1000},
            "code": {"type": ["integer", "null"], "format": "int32"},
        }});
        widen(&mut schema);
        assert_eq!(
            schema["properties"],
            json!({
                "limit": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 4_294_967_295u64},
                "page": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 1000},
                "code": {"type": ["integer", "null"], "format": "int32"},
            })
        );
    }
}
