//! The expressions, blocks and functions of one source file, as byte ranges.

use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What of a source file can be replaced at run time.
#[derive(Clone, Debug, Default)]
pub struct Syntax {
    /// Expressions that compute a value and may stand in parentheses. Places (`a.b`, `a[0]`, `*a`) are left out: a copy of
    /// one is not the same place.
    pub expressions: Vec<Expression>,
    /// Blocks, with their statements.
    pub blocks: Vec<Block>,
    /// Functions with a body.
    pub functions: Vec<Function>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The bytes of the expression.
    pub range: Range<usize>,
    /// Whether it is the body of a match arm, which needs a comma unless it stands in braces.
    pub is_arm: bool,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The bytes of the block, braces included.
    pub range: Range<usize>,
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The bytes of the statement, its semicolon included.
    pub range: Range<usize>,
    /// Whether later statements see names of it: a `let` or an item.
    pub binds: bool,
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name.
    pub name: String,
    /// The bytes of the body, braces included.
    pub body: Range<usize>,
    /// The bytes of the keyword `const`, if it has one.
    pub constness: Option<Range<usize>>,
}

impl Syntax {
    /// Reads a source file.
    ///
    /// # Errors
    ///
    /// When the text is not Rust.
    pub fn of(source: &str) -> Result<Self, String> {
        let file = syn::parse_file(source).map_err(|error| {
            let start = error.span().start();
            format!("line {}: {error}", start.line)
        })?;
        let mut found = Self::default();
        found.visit_file(&file);
        Ok(found)
    }

    /// Returns the innermost function that contains the range.
    #[must_use]
    pub fn function(&self, range: &Range<usize>) -> Option<&Function> {
        let around = self.functions.iter().filter(|function| contains(&function.body, range));
        around.min_by_key(|function| function.body.len())
    }

    fn add_function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        self.functions.push(Function {
            name: signature.ident.to_string(),
            body: bytes(body.span()),
            constness: signature.constness.as_ref().map(|word| bytes(word.span())),
        });
        self.visit_block(body);
    }
}

/// Returns whether one range contains another; the bounds may be equal.
#[must_use]
pub const fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range()
}

/// Returns whether an expression is a place rather than a value.
fn is_place(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Path(_) | syn::Expr::Field(_) | syn::Expr::Index(_) => true,
        syn::Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)),
        syn::Expr::Paren(paren) => is_place(&paren.expr),
        _ => false,
    }
}

/// Returns whether an expression is a chain of conditions with a `let` in it, which may not stand in parentheses.
fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => {
            matches!(binary.op, syn::BinOp::And(_)) && (has_let(&binary.left) || has_let(&binary.right))
        }
        _ => false,
    }
}

fn attributes(expr: &syn::Expr) -> usize {
    match expr {
        syn::Expr::MethodCall(expr) => expr.attrs.len(),
        syn::Expr::Call(expr) => expr.attrs.len(),
        syn::Expr::Match(expr) => expr.attrs.len(),
        syn::Expr::If(expr) => expr.attrs.len(),
        syn::Expr::Block(expr) => expr.attrs.len(),
        syn::Expr::Struct(expr) => expr.attrs.len(),
        syn::Expr::Macro(expr) => expr.attrs.len(),
        _ => 0,
    }
}

/// Returns whether an expression may be replaced by a choice between two.
fn can_be_chosen(expr: &syn::Expr) -> bool {
    let never =
        matches!(expr, syn::Expr::Closure(_) | syn::Expr::Group(_) | syn::Expr::Verbatim(_) | syn::Expr::Const(_));
    !never && !is_place(expr) && !has_let(expr) && attributes(expr) == 0
}

impl<'ast> Visit<'ast> for Syntax {
    fn visit_expr(&mut self, expr: &'ast syn::Expr) {
        if can_be_chosen(expr) {
            self.expressions.push(Expression { range: bytes(expr.span()), is_arm: false });
        }
        visit::visit_expr(self, expr);
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let statements = block.stmts.iter().map(|statement| Statement {
            range: bytes(statement.span()),
            binds: matches!(statement, syn::Stmt::Local(_) | syn::Stmt::Item(_)),
        });
        self.blocks.push(Block { range: bytes(block.brace_token.span.join()), statements: statements.collect() });
        visit::visit_block(self, block);
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        match statement {
            // Parentheses around it would swallow the next statement; as a statement it can be chosen.
            syn::Stmt::Expr(expr, None) => visit::visit_expr(self, expr),
            _ => visit::visit_stmt(self, statement),
        }
    }

    fn visit_local_init(&mut self, init: &'ast syn::LocalInit) {
        self.visit_expr(&init.expr);
        if let Some((_, diverge)) = &init.diverge {
            visit::visit_expr(self, diverge);
        }
    }

    fn visit_expr_if(&mut self, expr: &'ast syn::ExprIf) {
        self.visit_expr(&expr.cond);
        self.visit_block(&expr.then_branch);
        if let Some((_, other)) = &expr.else_branch {
            visit::visit_expr(self, other);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Some((_, guard)) = &arm.guard {
            self.visit_expr(guard);
        }
        if can_be_chosen(&arm.body) {
            self.expressions.push(Expression { range: bytes(arm.body.span()), is_arm: true });
        }
        visit::visit_expr(self, &arm.body);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        match closure.output {
            syn::ReturnType::Default => self.visit_expr(&closure.body),
            syn::ReturnType::Type(..) => visit::visit_expr(self, &closure.body),
        }
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        if is_place(&assign.left) {
            self.visit_expr(&assign.left);
        }
        self.visit_expr(&assign.right);
    }

    fn visit_expr_let(&mut self, expr: &'ast syn::ExprLet) {
        self.visit_expr(&expr.expr);
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add_function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add_function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add_function(&item.sig, body);
        }
    }

    // None of these is evaluated at run time.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_path(&mut self, _: &'ast syn::Path) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
}
