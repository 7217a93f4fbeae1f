//! A text as compiled template.

use std::collections::{BTreeMap, HashSet};

use minijinja::{
    AutoEscape, ErrorKind, Value,
    machinery::{self, CodeGenerator, Instruction, Instructions, Token},
    syntax::SyntaxConfig,
};
use self_cell::self_cell;

use super::{
    language::{ENVIRONMENT, Guard, MAX_STEPS, METHODS},
    request::Parts,
};
use crate::domain::excerpt;

/// Maximum number of words and signs in a tag, commas aside. The parser and the values of a template are as deep as
/// tags are long, and a stack has an end.
pub const MAX_TAG_TOKENS: usize = 250;
/// Maximum number of words and signs in all statements of a template.
pub const MAX_STATEMENT_TOKENS: usize = 1_000;

self_cell! {
    struct Compiled {
        owner: Box<str>,
        #[covariant]
        dependent: Instructions,
    }
}

/// A compiled template.
pub struct Code {
    compiled: Compiled,
    pub parts: Parts,
    /// Whether the template is one expression that ends with the filter `tojson`.
    pub is_json: bool,
}

/// A mistake in a template, or a failure, with the position in the text.
#[derive(Debug)]
pub struct Mistake {
    pub offset: usize,
    pub detail: String,
}

impl From<minijinja::Error> for Mistake {
    fn from(error: minijinja::Error) -> Self {
        let detail = match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => format!("the template takes more than {MAX_STEPS} steps"),
            (_, Some(detail)) => detail.to_owned(),
            (kind, None) => kind.to_string(),
        };
        Self { offset: error.range().map_or(0, |range| range.start), detail }
    }
}

/// Whether a text has parts for the template engine.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|begin| text.contains(begin))
}

fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the default delimiters are valid")
}

impl Code {
    /// Compiles a text. `guard` says which filters the text may name.
    pub fn compile(text: &str, guard: Guard) -> Result<Self, Mistake> {
        check_size(text)?;
        let (mut parts, mut is_json) = (Parts::default(), false);
        let compiled = Compiled::try_new(text.into(), |text| {
            let tree = machinery::parse(text, "template", syntax())?;
            let mut generator = CodeGenerator::new("template", text);
            generator.compile_stmt(&tree);
            let (mut code, _) = generator.finish();
            is_json = ends_with_tojson(&code);
            parts = make_safe(&mut code, guard)?;
            Ok::<_, Mistake>(code)
        })?;
        Ok(Self { compiled, parts, is_json })
    }

    /// Renders the template, and subtracts the steps from `left`.
    pub fn render(&self, root: Value, left: &mut u64) -> Result<String, Mistake> {
        let mut text = String::new();
        let (code, blocks) = (self.compiled.borrow_dependent(), BTreeMap::new());
        let mut output = machinery::make_string_output(&mut text);
        let (_, state) = machinery::eval(&ENVIRONMENT, code, root, &blocks, &mut output, AutoEscape::None)?;
        let (used, _) = state.fuel_levels().unwrap_or_default();
        *left = left.checked_sub(used).ok_or_else(|| {
            let detail = format!("the templates of the mock take more than {MAX_STEPS} steps");
            Mistake { offset: 0, detail }
        })?;
        drop(state);
        Ok(text)
    }
}

/// Refuses texts that are too deep for the stack, or that the compiler would compute without a bound. Before the
/// parser, which is recursive, and computes `[1] * 10**8 == [2] * 10**8`.
fn check_size(text: &str) -> Result<(), Mistake> {
    /// Words before a value.
    const KEYWORDS: [&str; 7] = ["and", "else", "if", "in", "is", "not", "or"];
    let (mut in_tag, mut in_statements, mut is_statement) = (0, 0, false);
    let (mut is_after_value, mut has_list, mut has_product) = (false, false, false);
    for token in machinery::tokenize(text, false, syntax()) {
        let (token, span) = token?;
        match token {
            Token::VariableStart | Token::BlockStart => {
                is_statement = matches!(token, Token::BlockStart);
                (in_tag, has_list, has_product) = (0, false, false);
            }
            Token::TemplateData(_) | Token::Comma => {}
            _ => {
                in_tag += 1;
                in_statements += usize::from(is_statement);
                has_product |= matches!(token, Token::Mul);
                has_list |= matches!(token, Token::BracketOpen) && !is_after_value;
            }
        }
        is_after_value = match token {
            Token::Ident(word) => !(KEYWORDS.contains(&word) || is_statement && in_tag == 1),
            Token::BracketClose | Token::ParenClose | Token::BraceClose | Token::Str(_) | Token::String(_) => true,
            _ => false,
        };
        let detail = match () {
            () if in_tag > MAX_TAG_TOKENS => format!("a tag has more than {MAX_TAG_TOKENS} words and signs"),
            () if in_statements > MAX_STATEMENT_TOKENS => {
                format!("the statements have more than {MAX_STATEMENT_TOKENS} words and signs")
            }
            () if has_list && has_product => "a tag with a list has no `*`: set the list in a tag before".into(),
            () => continue,
        };
        return Err(Mistake { offset: span.start_offset as usize, detail });
    }
    Ok(())
}

fn each<'c, 's>(code: &'c Instructions<'s>) -> impl Iterator<Item = &'c Instruction<'s>> {
    (0..).map_while(|at| code.get(at))
}

fn ends_with_tojson(code: &Instructions<'_>) -> bool {
    let written = each(code).filter(|step| matches!(step, Instruction::Emit | Instruction::EmitRaw(_))).count();
    let last: Vec<_> = each(code).skip(each(code).count().saturating_sub(2)).collect();
    written == 1 && matches!(last[..], [Instruction::ApplyFilter("tojson", ..), Instruction::Emit])
}

/// Refuses unknown names, and replaces operations that may work without a bound by guarded functions. Returns the parts
/// of the request that the code uses.
fn make_safe(code: &mut Instructions<'_>, guard: Guard) -> Result<Parts, Mistake> {
    let locals: HashSet<&str> = each(code)
        .filter_map(|step| if let Instruction::StoreLocal(name) = step { Some(*name) } else { None })
        .chain(["loop"])
        .collect();
    let mut parts = Parts::default();
    for at in 0.. {
        let Some(step) = code.get(at) else { break };
        let refused = |detail| {
            let offset = code.get_span(at).map_or(0, |span| span.start_offset as usize);
            Err(Mistake { offset, detail })
        };
        let unknown = |kind: &str, name: &str| {
            refused(format!("`{}` is no {kind} of templates: docs/templates.md has a list", excerpt(name)))
        };
        let call = |name, arguments| Instruction::CallFunction(name, Some(arguments));
        let safe = match step {
            Instruction::Add => call("+", 2),
            Instruction::Mul => call("*", 2),
            Instruction::Eq => call("==", 2),
            Instruction::Ne => call("!=", 2),
            Instruction::Lt => call("<", 2),
            Instruction::Lte => call("<=", 2),
            Instruction::Gt => call(">", 2),
            Instruction::Gte => call(">=", 2),
            Instruction::In => call("in", 2),
            Instruction::GetItem => call("[.]", 2),
            Instruction::Slice => call("[:]", 4),
            Instruction::BuildMap(pairs) => call("{}", 2 * *pairs as u16),
            Instruction::BuildList(items) | Instruction::BuildTuple(items) => {
                Instruction::CallFunction("[]", items.map(|items| items as u16))
            }
            Instruction::ApplyFilter(name, arguments, _) => match guard.filter(name) {
                Some(guarded) => Instruction::CallFunction(guarded, *arguments),
                None => return unknown("filter", name),
            },
            Instruction::PerformTest(name, arguments, _) => match Guard::test(name) {
                Some(guarded) => Instruction::CallFunction(guarded, *arguments),
                None => return unknown("test", name),
            },
            Instruction::CallFunction(name, _) if !Guard::has_function(name) && !locals.contains(name) => {
                return unknown("function", name);
            }
            Instruction::CallMethod(name, _) if !METHODS.contains(name) => return unknown("method", name),
            Instruction::CompareAndPreserve(_) => {
                return refused("write `a < b and b < c` instead of `a < b < c`".into());
            }
            Instruction::SetAttr(_) => return refused("an attribute cannot be set: set a name".into()),
            Instruction::Lookup("request") => {
                let part = match code.get(at + 1) {
                    Some(Instruction::GetAttr(name)) => Parts::of(name).ok_or(*name),
                    _ => Ok(Parts::ALL),
                };
                match part {
                    Ok(part) => parts = parts.with(part),
                    Err(name) => {
                        let parts = Parts::NAMES.map(|part| format!("`{part}`")).join(", ");
                        return refused(format!("`request.{}` does not exist: use {parts}", excerpt(name)));
                    }
                }
                continue;
            }
            Instruction::Lookup(name) if !Guard::has_function(name) && !locals.contains(name) => {
                return refused(format!(
                    "`{}` is unknown: begin with `request`, or set the name before",
                    excerpt(name)
                ));
            }
            _ => continue,
        };
        *code.get_mut(at).expect("the step is there") = safe;
    }
    Ok(parts)
}
