// Puts short functions in the place of their calls: those that only return an expression, where each argument may be moved
// there. A call costs an interpreter more than the expression, and a function costs memory.

import type { CallExpression, Expression, FunctionDeclaration, Node, SourceFile, Statement, Visitor } from 'typescript';
import type { Compiler } from './fold.ts';

/** Characters of an expression that is repeated where a function is called more than once. */
const REPEATED_MAX = 40;

/** The expression that a function returns and does nothing else. */
function returned(ts: Compiler, f: FunctionDeclaration): Expression | null {
  if (f.body?.statements.length !== 1) return null;
  const only = f.body.statements[0];
  return ts.isReturnStatement(only) && only.expression !== undefined ? only.expression : null;
}

/** Has a call in it, or changes something. */
export function acts(ts: Compiler, node: Node): boolean {
  if (ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isPostfixUnaryExpression(node)) return true;
  if (ts.isPrefixUnaryExpression(node)) {
    const { operator } = node;
    if (operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken) return true;
  }
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    if (kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment) return true;
  }
  return ts.forEachChild(node, (child) => (acts(ts, child) ? true : undefined)) === true;
}

/** Does nothing, or is one call whose arguments do nothing: they are evaluated before it, as those of the function were. */
function isMovable(ts: Compiler, node: Expression): boolean {
  if (!acts(ts, node)) return true;
  return (
    ts.isCallExpression(node) && !acts(ts, node.expression) && !node.arguments.some((argument) => acts(ts, argument))
  );
}

/** How often each name is mentioned. */
function mentions(ts: Compiler, root: Node): Map<string, number> {
  const counts = new Map<string, number>();
  const visit = (node: Node): void => {
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return counts;
}

/** A value that may be written twice: a name, a literal, `a.b`. */
function isSimple(ts: Compiler, node: Expression): boolean {
  if (ts.isPropertyAccessExpression(node)) return isSimple(ts, node.expression);
  return ts.isIdentifier(node) || ts.isNumericLiteral(node) || node.kind === ts.SyntaxKind.TrueKeyword;
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
  const printer = ts.createPrinter();
  return file.statements
    .map((statement) => {
      // Names of a function may hide those of the top that the expression means.
      const own = new Set<string>();
      const collect = (node: Node): void => {
        if ((ts.isVariableDeclaration(node) || ts.isParameter(node)) && ts.isIdentifier(node.name))
          own.add(node.name.text);
        ts.forEachChild(node, collect);
      };
      collect(statement);
      const result = ts.transform(statement, [
        (context) => (root) => {
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
            const substitute: Visitor = (node) => {
              if (ts.isTypeNode(node)) return node;
              if (ts.isPropertyAccessExpression(node)) {
                const from = ts.visitNode(node.expression, substitute) as Expression;
                return factory.createPropertyAccessExpression(from, node.name.text);
              }
              if (ts.isIdentifier(node) && given.has(node.text)) {
                const argument = given.get(node.text)!;
                return isSimple(ts, argument) ? argument : factory.createParenthesizedExpression(argument);
              }
              return ts.visitEachChild(node, substitute, context);
            };
            return factory.createParenthesizedExpression(ts.visitNode(body.expression, substitute) as Expression);
          };
          const visit: Visitor = (node) => {
            if (ts.isTypeNode(node)) return node;
            const inner = ts.visitEachChild(node, visit, context);
            if (!ts.isCallExpression(inner)) return inner;
            const changed = replace(inner);
            if (changed === null) return inner;
            // A statement of its own needs no parentheses, and one that does nothing must still be a statement.
            return changed;
          };
          return ts.visitNode(root, visit) as Statement;
        },
      ]);
      const text = printer.printNode(ts.EmitHint.Unspecified, result.transformed[0], file);
      result.dispose();
      return text;
    })
    .join('\n');
}
