// Puts short functions in the place of their calls: those that only return an expression, where each argument may be moved
// there. A call costs an interpreter more than the expression, and a function costs memory.

import type {
  CallExpression,
  Expression,
  ExpressionStatement,
  FunctionDeclaration,
  Node,
  SourceFile,
} from 'typescript';
import type { Compiler } from './fold.ts';
import { acts, isReference, localsOf, mentions, printed, transformed } from './syntax.ts';

/** Characters of an expression that is repeated where a function is called more than once. */
const REPEATED_MAX = 40;

/** The expression that a function returns and does nothing else. */
function returned(ts: Compiler, f: FunctionDeclaration): Expression | null {
  if (f.body?.statements.length !== 1) return null;
  const only = f.body.statements[0];
  return ts.isReturnStatement(only) && only.expression !== undefined ? only.expression : null;
}

/** Does nothing, or is one call whose arguments do nothing: they are evaluated before it, as those of the function were. */
function isMovable(ts: Compiler, node: Expression): boolean {
  if (!acts(ts, node)) return true;
  return (
    ts.isCallExpression(node) && !acts(ts, node.expression) && !node.arguments.some((argument) => acts(ts, argument))
  );
}

/** A value that may be written twice: a name, a literal, `a.b`. */
function isSimple(ts: Compiler, node: Expression): boolean {
  if (ts.isPropertyAccessExpression(node)) return isSimple(ts, node.expression);
  return ts.isIdentifier(node) || ts.isNumericLiteral(node) || node.kind === ts.SyntaxKind.TrueKeyword;
}

/** An expression with others in the place of names. */
function substituted(ts: Compiler, expression: Expression, given: ReadonlyMap<string, Expression>): Expression {
  const { factory } = ts;
  const statement = factory.createExpressionStatement(expression);
  const changed = transformed(ts, statement, (each) => (node) => {
    if (ts.isTypeNode(node)) return node;
    const argument = ts.isIdentifier(node) && isReference(ts, node) ? given.get(node.text) : undefined;
    if (argument === undefined) return each(node);
    return isSimple(ts, argument) ? argument : factory.createParenthesizedExpression(argument);
  });
  return (changed as ExpressionStatement).expression;
}

/** The statements of a file, as text, with calls of short functions replaced. */
export function inlineCalls(ts: Compiler, file: SourceFile, isKept: (name: string) => boolean): string {
  const { factory } = ts;
  const counts = mentions(ts, file);
  const bodies = new Map<string, { expression: Expression; parameters: string[]; uses: Map<string, number> }>();
  for (const statement of file.statements) {
    if (!ts.isFunctionDeclaration(statement)) continue;
    const expression = returned(ts, statement);
    const name = statement.name!.text;
    if (expression === null || !isMovable(ts, expression)) continue;
    const isOnce = counts.get(name) === 2 && !isKept(name);
    if (!isOnce && expression.getText(file).length > REPEATED_MAX) continue;
    const uses = mentions(ts, expression);
    if (uses.has(name)) continue;
    bodies.set(name, { expression, parameters: statement.parameters.map((p) => p.name.getText(file)), uses });
  }
  return printed(ts, file, (statement) => {
    // Names of a function may hide those of the top that the expression means.
    const own = localsOf(ts, statement);
    const replace = (call: CallExpression): Expression | null => {
      if (!ts.isIdentifier(call.expression)) return null;
      const body = bodies.get(call.expression.text);
      if (body === undefined || own.has(call.expression.text)) return null;
      if (call.arguments.some((argument) => acts(ts, argument))) return null;
      for (const name of body.uses.keys()) if (!body.parameters.includes(name) && own.has(name)) return null;
      const given = new Map<string, Expression>();
      for (const [i, parameter] of body.parameters.entries()) {
        const argument = call.arguments[i];
        if (argument === undefined) return null;
        if ((body.uses.get(parameter) ?? 0) > 1 && !isSimple(ts, argument)) return null;
        given.set(parameter, argument);
      }
      return factory.createParenthesizedExpression(substituted(ts, body.expression, given));
    };
    return transformed(ts, statement, (each) => (node) => {
      if (ts.isTypeNode(node)) return node;
      const inner = each(node);
      if (inner === undefined || Array.isArray(inner) || !ts.isCallExpression(inner as Node)) return inner;
      return replace(inner as CallExpression) ?? inner;
    });
  });
}
