// Folds what is known when a device is built: constants of the profile and of the sources take their places, conditions that
// are decided leave one branch.

import type { Expression, Node, Statement, Visitor } from 'typescript';

/** The compiler's module, which is loaded when it is needed. */
export type Compiler = typeof import('typescript');

/** The constants of a profile, by name. */
export type Constants = Readonly<Record<string, boolean | number | string>>;

/** A literal's value; undefined: it is no literal. */
export type Known = boolean | number | string | null | undefined;

/** The value of an expression, if it is a literal. */
export function literal(ts: Compiler, node: Node): Known {
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return literal(ts, node.expression);
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isStringLiteral(node)) return node.text;
  if (node.kind === ts.SyntaxKind.NullKeyword) return null;
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (ts.isPrefixUnaryExpression(node)) {
    const value = literal(ts, node.operand);
    if (typeof value === 'number' && node.operator === ts.SyntaxKind.MinusToken) return -value;
    if (typeof value === 'boolean' && node.operator === ts.SyntaxKind.ExclamationToken) return !value;
  }
  return undefined;
}

/** A literal. */
export function expressionOf(ts: Compiler, value: boolean | number | string | null): Expression {
  const { factory } = ts;
  if (value === null) return factory.createNull();
  if (typeof value === 'boolean') return value ? factory.createTrue() : factory.createFalse();
  if (typeof value === 'string') return factory.createStringLiteral(value, true);
  if (value < 0 || Object.is(value, -0)) {
    const positive = factory.createNumericLiteral(-value);
    return factory.createParenthesizedExpression(
      factory.createPrefixUnaryExpression(ts.SyntaxKind.MinusToken, positive),
    );
  }
  return factory.createNumericLiteral(value);
}

/** `a op b` of two literals; undefined where it is not computed. */
function binary(ts: Compiler, operator: number, a: Known, b: Known): Known {
  const kind = ts.SyntaxKind;
  if (operator === kind.EqualsEqualsEqualsToken) return a === b;
  if (operator === kind.ExclamationEqualsEqualsToken) return a !== b;
  if (typeof a === 'string' && typeof b === 'string' && operator === kind.PlusToken) return a + b;
  if (typeof a !== 'number' || typeof b !== 'number') return undefined;
  if (operator === kind.LessThanToken) return a < b;
  if (operator === kind.GreaterThanToken) return a > b;
  if (operator === kind.LessThanEqualsToken) return a <= b;
  if (operator === kind.GreaterThanEqualsToken) return a >= b;
  if (operator === kind.PlusToken) return a + b;
  if (operator === kind.MinusToken) return a - b;
  if (operator === kind.AsteriskToken) return a * b;
  if (operator === kind.SlashToken) return Number.isInteger(a / b) ? a / b : undefined;
  if (operator === kind.PercentToken) return a % b;
  if (operator === kind.AmpersandToken) return a & b;
  if (operator === kind.BarToken) return a | b;
  if (operator === kind.LessThanLessThanToken) return a << b;
  if (operator === kind.GreaterThanGreaterThanGreaterThanToken) return a >>> b;
  return undefined;
}

/** How often each name is declared, in functions too. */
function declarations(ts: Compiler, statements: readonly Statement[]): Map<string, number> {
  const counts = new Map<string, number>();
  const visit = (node: Node): void => {
    const isNamed = ts.isVariableDeclaration(node) || ts.isParameter(node);
    if (isNamed && ts.isIdentifier(node.name)) counts.set(node.name.text, (counts.get(node.name.text) ?? 0) + 1);
    if (!ts.isTypeNode(node)) ts.forEachChild(node, visit);
  };
  statements.forEach(visit);
  return counts;
}

/** Constants of the sources: names in capitals, with a literal. A function must not use such a name for something else. */
function sourceConstants(ts: Compiler, statements: readonly Statement[]): Map<string, boolean | number | string> {
  const values = new Map<string, boolean | number | string>();
  const top = declarations(
    ts,
    statements.filter((one) => ts.isVariableStatement(one)),
  );
  for (const [name, count] of declarations(ts, statements)) {
    if (/^[A-Z][A-Z0-9_]*$/.test(name) && top.has(name) && top.get(name) !== count) {
      throw new Error(`${name}: a function declares what is a constant of the sources`);
    }
  }
  for (const statement of statements) {
    if (!ts.isVariableStatement(statement) || (statement.declarationList.flags & ts.NodeFlags.Const) === 0) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (!ts.isIdentifier(name) || !/^[A-Z][A-Z0-9_]*$/.test(name.text) || initializer === undefined) continue;
      const value = literal(ts, initializer);
      if (typeof value === 'number' || typeof value === 'boolean') values.set(name.text, value);
    }
  }
  return values;
}

/** Makes the function that folds a top-level statement; it may leave none. Throws at a `P.name` that the profile lacks. */
export function createFolder(
  ts: Compiler,
  profile: Constants,
  statements: readonly Statement[],
): (statement: Statement) => Statement[] {
  const { factory } = ts;
  const constants = sourceConstants(ts, statements);

  function ends(statement: Statement): boolean {
    return (
      ts.isReturnStatement(statement) || ts.isThrowStatement(statement) || ts.isBreakOrContinueStatement(statement)
    );
  }

  /** Without what stands behind a return, but for functions: those are there from the start. */
  function live(list: readonly Statement[]): Statement[] {
    const end = list.findIndex(ends);
    return list.filter((statement, i) => end < 0 || i <= end || ts.isFunctionDeclaration(statement));
  }

  /** A block's statements, where they may stand in the block around it. */
  function inlined(statement: Statement): Statement[] {
    if (!ts.isBlock(statement)) return [statement];
    const hasNames = statement.statements.some((s) => ts.isVariableStatement(s) || ts.isFunctionDeclaration(s));
    return hasNames ? [statement] : [...statement.statements];
  }

  function foldAll(nodes: readonly Statement[], context: import('typescript').TransformationContext): Statement[] {
    const visit = visitorOf(context);
    const result: Statement[] = [];
    for (const node of nodes) {
      const folded = ts.visitNode(node, visit) as Statement | undefined;
      if (folded === undefined || ts.isEmptyStatement(folded)) continue;
      if (ts.isBlock(folded) && !ts.isBlock(node)) result.push(...inlined(folded));
      else result.push(folded);
    }
    return live(result);
  }

  function visitorOf(context: import('typescript').TransformationContext): Visitor {
    /** `typeof NAME` of a constant is a literal's type: the constant itself may go. */
    const typed: Visitor = (node) => {
      if (ts.isTypeQueryNode(node) && ts.isIdentifier(node.exprName)) {
        const value = constants.get(node.exprName.text);
        if (typeof value === 'number' && value >= 0) {
          return factory.createLiteralTypeNode(factory.createNumericLiteral(value));
        }
      }
      return ts.visitEachChild(node, typed, context);
    };
    const visit: Visitor = (node) => {
      if (ts.isTypeAliasDeclaration(node)) return ts.visitEachChild(node, typed, context);
      if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node)) return node;
      if (ts.isBlock(node)) return factory.updateBlock(node, foldAll(node.statements, context));
      if (ts.isIfStatement(node)) {
        const condition = ts.visitNode(node.expression, visit) as Expression;
        const value = literal(ts, condition);
        if (value === true) return ts.visitNode(node.thenStatement, visit);
        if (value === false) {
          return node.elseStatement === undefined
            ? factory.createEmptyStatement()
            : ts.visitNode(node.elseStatement, visit);
        }
        const then = ts.visitNode(node.thenStatement, visit) as Statement;
        const other = node.elseStatement === undefined ? undefined : ts.visitNode(node.elseStatement, visit);
        const isNothing =
          other === undefined || ts.isEmptyStatement(other) || (ts.isBlock(other) && other.statements.length === 0);
        return factory.updateIfStatement(node, condition, then, isNothing ? undefined : (other as Statement));
      }
      if (ts.isConditionalExpression(node)) {
        const value = literal(ts, ts.visitNode(node.condition, visit) as Expression);
        if (value === true) return ts.visitNode(node.whenTrue, visit);
        if (value === false) return ts.visitNode(node.whenFalse, visit);
      }
      // Names of properties and of what is declared are no values.
      if (ts.isPropertyAccessExpression(node)) {
        if (ts.isIdentifier(node.expression) && node.expression.text === 'P') {
          const value = profile[node.name.text];
          if (value === undefined) throw new Error(`P.${node.name.text}: (missing): the profile has no such constant`);
          return expressionOf(ts, value);
        }
        const from = ts.visitNode(node.expression, visit) as Expression;
        const text = literal(ts, from);
        if (typeof text === 'string' && node.name.text === 'length') return expressionOf(ts, text.length);
        return factory.updatePropertyAccessExpression(node, from, node.name);
      }
      // Written out, so that no later pass has to know that a name stands for two things.
      if (ts.isShorthandPropertyAssignment(node)) {
        return ts.visitNode(
          factory.createPropertyAssignment(node.name.text, factory.createIdentifier(node.name.text)),
          visit,
        );
      }
      if (ts.isPropertyAssignment(node)) {
        return factory.updatePropertyAssignment(node, node.name, ts.visitNode(node.initializer, visit) as Expression);
      }
      if (ts.isVariableDeclaration(node)) {
        const value = node.initializer === undefined ? undefined : ts.visitNode(node.initializer, visit);
        return factory.updateVariableDeclaration(
          node,
          node.name,
          node.exclamationToken,
          node.type,
          value as Expression | undefined,
        );
      }
      if (ts.isParameter(node)) return node;
      if (ts.isIdentifier(node)) {
        const value = constants.get(node.text);
        return value === undefined ? node : expressionOf(ts, value);
      }
      const folded = ts.visitEachChild(node, visit, context);
      if (ts.isBinaryExpression(folded)) {
        const left = literal(ts, folded.left);
        const right = literal(ts, folded.right);
        const operator = folded.operatorToken.kind;
        if (operator === ts.SyntaxKind.AmpersandAmpersandToken) {
          if (left === true) return folded.right;
          if (left === false) return expressionOf(ts, false);
          if (right === true) return folded.left;
        }
        if (operator === ts.SyntaxKind.BarBarToken) {
          if (left === false) return folded.right;
          if (left === true) return expressionOf(ts, true);
          if (right === false) return folded.left;
        }
        if (left === undefined || right === undefined) {
          // Sums that a profile leaves without a term.
          const isSum = operator === ts.SyntaxKind.PlusToken || operator === ts.SyntaxKind.MinusToken;
          return right === 0 && isSum ? folded.left : folded;
        }
        const value = binary(ts, operator, left, right);
        return value === undefined ? folded : expressionOf(ts, value);
      }
      if (ts.isPrefixUnaryExpression(folded) && folded.operator === ts.SyntaxKind.ExclamationToken) {
        const value = literal(ts, folded);
        if (value !== undefined) return expressionOf(ts, value);
      }
      if (ts.isParenthesizedExpression(folded)) {
        const value = literal(ts, folded.expression);
        const isNegative = typeof value === 'number' && (value < 0 || Object.is(value, -0));
        if (value !== undefined && !isNegative) return expressionOf(ts, value);
        if (ts.isIdentifier(folded.expression)) return folded.expression;
      }
      if (ts.isWhileStatement(folded) && literal(ts, folded.expression) === false)
        return factory.createEmptyStatement();
      return folded;
    };
    return visit;
  }

  return (statement) => {
    const result: Statement[] = [];
    ts.transform(statement, [
      (context) => (root) => {
        result.push(...foldAll([root as Statement], context));
        return root;
      },
    ]).dispose();
    return result;
  };
}
