// Rules of the subset that need types: allowed globals and members, conditions that are not boolean, typed arrays made
// otherwise than by a length, members reached by their text.

import ts from 'typescript';
import {
  ARRAY_MEMBERS,
  ERROR_MEMBERS,
  GLOBALS,
  NUMBER_MEMBERS,
  STRING_MEMBERS,
  TYPED_ARRAY_MEMBERS,
} from '../../targets/build/builtins.ts';
import type { Note } from './subset.ts';

const TYPED_ARRAY = /^(Uint8|Uint8Clamped|Int8|Uint16|Int16|Int32|Uint32|Float32|Float64|BigInt64|BigUint64)Array$/;

export function typeFindings(node: ts.Node, checker: ts.TypeChecker, note: Note): void {
  if (ts.isIdentifier(node)) global(node, checker, note);
  else if (ts.isPropertyAccessExpression(node)) member(node, checker, note);
  else if (ts.isElementAccessExpression(node)) {
    const index = checker.getTypeAtLocation(node.argumentExpression);
    // A dictionary may have computed keys; members are never reached by their text, which mangling would change.
    const dictionary = checker.getIndexInfoOfType(checker.getTypeAtLocation(node.expression), ts.IndexKind.String);
    const computed = dictionary !== undefined && !index.isStringLiteral();
    if (!computed && !isAll(index, ts.TypeFlags.NumberLike)) note(node, 'string-index');
  } else if (ts.isNewExpression(node)) made(node, checker, note);
  const condition = conditionOf(node);
  if (condition !== undefined) truth(condition, checker, note);
}

/** True when the symbol comes from the language's or Node's own declarations alone. */
function isAmbient(symbol: ts.Symbol): boolean {
  const declarations = symbol.declarations ?? [];
  return declarations.length > 0 && declarations.every((d) => d.getSourceFile().isDeclarationFile);
}

function global(node: ts.Identifier, checker: ts.TypeChecker, note: Note): void {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return;
  if (ts.isPartOfTypeNode(node) || ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return;
  if (ts.isQualifiedName(parent) || ts.isExpressionWithTypeArguments(parent)) return;
  const isDeclaredName = 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent);
  if (isDeclaredName) return;
  const symbol = ts.isShorthandPropertyAssignment(parent)
    ? checker.getShorthandAssignmentValueSymbol(parent)
    : checker.getSymbolAtLocation(node);
  // These two have no declaration at all.
  const isGlobal =
    node.text === 'globalThis' || node.text === 'arguments' || (symbol !== undefined && isAmbient(symbol));
  if (isGlobal && !Object.hasOwn(GLOBALS, node.text)) note(node, 'forbidden-global');
}

function member(node: ts.PropertyAccessExpression, checker: ts.TypeChecker, note: Note): void {
  const symbol = checker.getSymbolAtLocation(node.name);
  if (symbol === undefined || !isAmbient(symbol)) return;
  const name = node.name.text;
  const owner = node.expression;
  if (ts.isIdentifier(owner) && Object.hasOwn(GLOBALS, owner.text)) {
    if (!GLOBALS[owner.text].includes(name)) note(node, 'builtin-member', owner.text + '.' + name);
    return;
  }
  const type = checker.getNonNullableType(checker.getTypeAtLocation(owner));
  for (const part of type.isUnion() ? type.types : [type]) {
    if (!membersOf(part, checker).includes(name)) {
      note(node, 'builtin-member', checker.typeToString(part) + '.' + name);
      return;
    }
  }
}

function membersOf(type: ts.Type, checker: ts.TypeChecker): readonly string[] {
  if ((type.flags & ts.TypeFlags.StringLike) !== 0) return STRING_MEMBERS;
  if ((type.flags & ts.TypeFlags.NumberLike) !== 0) return NUMBER_MEMBERS;
  if (checker.isArrayLikeType(type)) return ARRAY_MEMBERS;
  const name = type.getSymbol()?.name ?? '';
  if (TYPED_ARRAY.test(name)) return TYPED_ARRAY_MEMBERS;
  return name.endsWith('Error') ? ERROR_MEMBERS : [];
}

function made(node: ts.NewExpression, checker: ts.TypeChecker, note: Note): void {
  if (!ts.isIdentifier(node.expression) || !TYPED_ARRAY.test(node.expression.text)) return;
  const given = node.arguments ?? [];
  const isLength = given.length === 1 && isAll(checker.getTypeAtLocation(given[0]), ts.TypeFlags.NumberLike);
  if (!isLength) note(node, 'typed-array-new');
}

function isAll(type: ts.Type, flags: ts.TypeFlags): boolean {
  const parts = type.isUnion() ? type.types : [type];
  return parts.every((part) => {
    const constraint = part.isTypeParameter() ? part.getConstraint() : part;
    return constraint !== undefined && (constraint.flags & flags) !== 0;
  });
}

/** The expression whose truth this node asks for. */
function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) return node.expression;
  if (ts.isForStatement(node) || ts.isConditionalExpression(node)) return node.condition;
  if (ts.isPrefixUnaryExpression(node)) {
    return node.operator === ts.SyntaxKind.ExclamationToken ? node.operand : undefined;
  }
  if (!ts.isBinaryExpression(node)) return undefined;
  const kind = node.operatorToken.kind;
  const isLogic = kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken;
  return isLogic ? node.left : undefined;
}

const NOT_A_CONDITION =
  ts.TypeFlags.NumberLike |
  ts.TypeFlags.StringLike |
  ts.TypeFlags.BigIntLike |
  ts.TypeFlags.Any |
  ts.TypeFlags.Unknown |
  ts.TypeFlags.TypeParameter;

// On Lua zero and the empty string are true.
function truth(expression: ts.Expression, checker: ts.TypeChecker, note: Note): void {
  let inner = expression;
  while (ts.isParenthesizedExpression(inner)) inner = inner.expression;
  if (ts.isBinaryExpression(inner)) {
    // What stands right in `a && n` is asked for here; left is the operator's own business.
    const kind = inner.operatorToken.kind;
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken) {
      truth(inner.right, checker, note);
      return;
    }
  }
  const type = checker.getTypeAtLocation(inner);
  const parts = type.isUnion() ? type.types : [type];
  if (parts.some((part) => (part.flags & NOT_A_CONDITION) !== 0)) {
    note(expression, 'number-condition', expression.getText() + ' is ' + checker.typeToString(type));
  }
}
