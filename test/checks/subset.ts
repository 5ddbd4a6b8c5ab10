// Checks the language subset of portable code. It refuses what Espruino lacks or has wrong, what does not lower to ES5, and
// what does not translate to Lua or means something else there. Each rule has a name, and fixtures.ts shows that it can
// fail. This file has the rules of syntax; subset-types.ts those that need types; subset-order.ts the order of definitions.

import { relative } from 'node:path';
import ts from 'typescript';
import { sourceRoot } from '../../targets/build/root.ts';
import { orderFindings } from './subset-order.ts';
import { typeFindings } from './subset-types.ts';

export interface Finding {
  file: string;
  line: number;
  rule: string;
  text: string;
}

export type Note = (node: ts.Node, rule: string, what?: string) => void;

/** Rules that are only listed: they cost something on one engine and do not break any. */
export const LISTED: readonly string[] = ['wide-literal'];

const LARGEST_SMALL_INTEGER = 268435455;

/** Findings in `files` (absolute paths) of a program, in order of file and line. */
export function checkSubset(program: ts.Program, files: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  const checker = program.getTypeChecker();
  for (const file of files) {
    const source = program.getSourceFile(file);
    if (source === undefined) throw new Error('not in the program: ' + file);
    const lines = source.text.split('\n');
    const note: Note = (node, rule, what) => {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      if (rule === 'wide-literal' && /\/\/ wide\b/.test(lines[line])) return;
      const text = what ?? node.getText(source).split('\n')[0].slice(0, 60);
      findings.push({ file: relative(sourceRoot(), file), line: line + 1, rule, text });
    };
    const visit = (node: ts.Node): void => {
      syntaxFindings(node, note);
      typeFindings(node, checker, note);
      ts.forEachChild(node, visit);
    };
    ts.forEachChild(source, visit);
    orderFindings(source, checker, note);
  }
  return findings.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** `file:line rule: text`, one a line. */
export function printFindings(findings: readonly Finding[]): string {
  return findings.map((f) => f.file + ':' + f.line + ' ' + f.rule + ': ' + f.text).join('\n');
}

const OPERATORS = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.AsteriskAsteriskToken, 'exponent'],
  [ts.SyntaxKind.AsteriskAsteriskEqualsToken, 'exponent'],
  [ts.SyntaxKind.QuestionQuestionToken, 'nullish'],
  [ts.SyntaxKind.QuestionQuestionEqualsToken, 'logical-assignment'],
  [ts.SyntaxKind.BarBarEqualsToken, 'logical-assignment'],
  [ts.SyntaxKind.AmpersandAmpersandEqualsToken, 'logical-assignment'],
  // Does not compile for Lua 5.3 and later.
  [ts.SyntaxKind.GreaterThanGreaterThanToken, 'signed-shift'],
  [ts.SyntaxKind.GreaterThanGreaterThanEqualsToken, 'signed-shift'],
]);

const KINDS = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.SpreadElement, 'spread'],
  [ts.SyntaxKind.SpreadAssignment, 'spread'],
  [ts.SyntaxKind.ObjectBindingPattern, 'destructuring'],
  [ts.SyntaxKind.ArrayBindingPattern, 'destructuring'],
  [ts.SyntaxKind.ComputedPropertyName, 'computed-key'],
  [ts.SyntaxKind.TaggedTemplateExpression, 'tagged-template'],
  [ts.SyntaxKind.LabeledStatement, 'label'],
  [ts.SyntaxKind.QuestionDotToken, 'optional-chain'],
  [ts.SyntaxKind.PrivateIdentifier, 'private-name'],
  [ts.SyntaxKind.YieldExpression, 'generator'],
  [ts.SyntaxKind.AwaitExpression, 'async'],
  [ts.SyntaxKind.BigIntLiteral, 'bigint'],
  // typescript-to-lua has no regular expressions.
  [ts.SyntaxKind.RegularExpressionLiteral, 'regular-expression'],
  [ts.SyntaxKind.ForInStatement, 'for-in'],
  [ts.SyntaxKind.EnumDeclaration, 'enum'],
  // Pulls in a helper of the bundler, and holds everything of the module.
  [ts.SyntaxKind.NamespaceImport, 'namespace-import'],
  [ts.SyntaxKind.NamespaceExport, 'namespace-import'],
]);

function syntaxFindings(node: ts.Node, note: Note): void {
  const rule = KINDS.get(node.kind);
  if (rule !== undefined) note(node, rule);
  if (ts.isBinaryExpression(node)) binary(node, note);
  else if (ts.isParameter(node)) {
    if (node.initializer !== undefined) note(node, 'default-parameter');
    if (node.dotDotDotToken !== undefined && !isTypeOnly(node.parent)) note(node, 'rest-parameter');
  } else if (ts.isHeritageClause(node)) {
    if (node.token === ts.SyntaxKind.ExtendsKeyword && ts.isClassLike(node.parent)) note(node, 'extends');
  } else if (ts.isVariableDeclarationList(node)) {
    if ((node.flags & ts.NodeFlags.BlockScoped) === 0) note(node, 'var');
  } else if (ts.isNumericLiteral(node)) {
    if (Number(node.text) > LARGEST_SMALL_INTEGER) note(node, 'wide-literal');
  } else if (ts.isPrefixUnaryExpression(node)) {
    const inner = node.operand;
    const twice = ts.isPrefixUnaryExpression(inner) && inner.operator === ts.SyntaxKind.TildeToken;
    if (node.operator === ts.SyntaxKind.TildeToken && twice) note(node, 'int-cast');
  } else if (node.kind === ts.SyntaxKind.ThisKeyword) {
    if (!insideClass(node)) note(node, 'this', 'this outside a class');
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    note(node, 'dynamic-import');
  }
  if (ts.isFunctionLike(node)) functionFindings(node, note);
}

function binary(node: ts.BinaryExpression, note: Note): void {
  const rule = OPERATORS.get(node.operatorToken.kind);
  if (rule !== undefined) note(node, rule);
  if (node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
    if (ts.isArrayLiteralExpression(node.left) || ts.isObjectLiteralExpression(node.left)) note(node, 'destructuring');
  }
  // On Lua `x | 0` does not make a signed 32-bit number.
  const right = node.right;
  const isZero = ts.isNumericLiteral(right) && right.text === '0';
  if (node.operatorToken.kind === ts.SyntaxKind.BarToken && isZero) note(node, 'int-cast');
}

function functionFindings(node: ts.SignatureDeclaration, note: Note): void {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  if (modifiers.some((m) => m.kind === ts.SyntaxKind.AsyncKeyword)) note(node, 'async');
  if ('asteriskToken' in node && node.asteriskToken !== undefined) note(node, 'generator');
  const makesFunction =
    ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node) ||
    ts.isFunctionDeclaration(node) ||
    (ts.isMethodDeclaration(node) && ts.isObjectLiteralExpression(node.parent));
  if (!makesFunction) return;
  let inFunction = false;
  for (let up = node.parent; up !== undefined; up = up.parent) {
    if (!ts.isFunctionLike(up)) continue;
    inFunction = true;
    if (/^create/.test(functionName(up))) return;
  }
  if (inFunction) note(node, 'closure', 'a function made inside a function that is not create...');
}

function functionName(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined && ts.isIdentifier(node.name)) return node.name.text;
  const parent = node.parent;
  if ((ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) && ts.isIdentifier(parent.name)) {
    return parent.name.text;
  }
  return '';
}

function insideClass(node: ts.Node): boolean {
  if (ts.isThisTypeNode(node)) return true;
  for (let up = node.parent; up !== undefined; up = up.parent) if (ts.isClassLike(up)) return true;
  return false;
}

// A rest parameter of a type costs nothing at run time.
function isTypeOnly(node: ts.Node): boolean {
  return ts.isFunctionTypeNode(node) || ts.isMethodSignature(node) || ts.isCallSignatureDeclaration(node);
}
