// What the passes over a joined text ask of its syntax, and how they change it: statement by statement, printed again.

import type { Identifier, Node, SourceFile, Statement, Visitor } from 'typescript';
import type { Compiler } from './fold.ts';

/** What an assignment or a step (`x++`) changes; undefined: the expression is neither. */
export function targetOf(ts: Compiler, node: Node): Node | undefined {
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    const isAssignment = kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
    return isAssignment ? node.left : undefined;
  }
  if (ts.isPostfixUnaryExpression(node)) return node.operand;
  if (!ts.isPrefixUnaryExpression(node)) return undefined;
  const { operator } = node;
  const isStep = operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken;
  return isStep ? node.operand : undefined;
}

/** Has a call in it, or changes something. */
export function acts(ts: Compiler, node: Node): boolean {
  if (ts.isCallExpression(node) || ts.isNewExpression(node) || targetOf(ts, node) !== undefined) return true;
  return ts.forEachChild(node, (child) => (acts(ts, child) ? true : undefined)) === true;
}

/** The identifier stands for a value: it is no name of a property, nor of what is declared. */
export function isReference(ts: Compiler, node: Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  return !('name' in parent && parent.name === node) && !ts.isTypeNode(parent);
}

/** Names that a node declares: variables and parameters. */
export function localsOf(ts: Compiler, root: Node): Set<string> {
  const names = new Set<string>();
  const visit = (node: Node): void => {
    const isLocal = ts.isVariableDeclaration(node) || ts.isParameter(node);
    if (isLocal && ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return names;
}

/** How often each name is mentioned, types left out. */
export function mentions(ts: Compiler, root: Node): Map<string, number> {
  const counts = new Map<string, number>();
  const visit = (node: Node): void => {
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return counts;
}

/** The statements of a file as text, each changed; undefined: it goes. */
export function printed(
  ts: Compiler,
  file: SourceFile,
  change: (statement: Statement) => Statement | undefined,
): string {
  const printer = ts.createPrinter();
  return file.statements
    .map((statement) => {
      const changed = change(statement);
      return changed === undefined ? '' : printer.printNode(ts.EmitHint.Unspecified, changed, file);
    })
    .join('\n');
}

/** A statement, visited: `make` gets the visitor of a node's children. Undefined: it goes. */
export function transformed(
  ts: Compiler,
  statement: Statement,
  make: (each: Visitor) => Visitor,
): Statement | undefined {
  let changed: Statement | undefined;
  ts.transform(statement, [
    (context) => (root) => {
      const each: Visitor = (node) => ts.visitEachChild(node, visit, context);
      const visit: Visitor = make(each);
      changed = ts.visitNode(root, visit) as Statement | undefined;
      return root;
    },
  ]).dispose();
  return changed;
}

/** What the passes do not see through: it would change its meaning. */
function isForeign(ts: Compiler, node: Node): boolean {
  if (ts.isBindingElement(node) || ts.isForInStatement(node) || ts.isGetAccessor(node) || ts.isSetAccessor(node))
    return true;
  // Properties by names that are made at run time.
  return ts.isIdentifier(node) && node.text === 'JSON' && isReference(ts, node);
}

/**
 * Refuses what the passes do not see through. What they also take for granted: terms of sums are numbers, and those of `&&` and `||`
 * beside a boolean constant are booleans.
 */
export function checkSyntax(ts: Compiler, file: SourceFile): void {
  const visit = (node: Node): void => {
    if (isForeign(ts, node)) {
      const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
      throw new Error(`${file.fileName}:${line}: ${node.getText(file).slice(0, 40)}: cannot be joined`);
    }
    if (!ts.isTypeNode(node)) ts.forEachChild(node, visit);
  };
  visit(file);
}
