// Removes from a joined text what folding left without use: variables that keep one known value, variables that nobody reads,
// functions that only call another one. It works on top-level functions as wholes: a name that is declared twice in one is left
// alone.

import type { Identifier, Node, SourceFile, Statement } from 'typescript';
import { dropParameters, placeBodies } from './calls.ts';
import { type Compiler, createFolder, expressionOf, type Known, literal } from './fold.ts';
import { inlineCalls } from './inline.ts';
import { acts, isReference, printed, targetOf, transformed } from './syntax.ts';

/** What is known of a name in one scope. */
interface Use {
  declared: number;
  reads: number;
  writes: number;
  /** Writes that are statements of their own, with a value that does nothing. */
  idle: number;
  /** The value that it begins with, if it is a literal. */
  value: Known;
  /** Its initialiser does nothing. */
  isPure: boolean;
}

/** Text goes through so often at most. */
const ROUNDS_MAX = 40;

/** `a = value`, `a++` as a statement that may go where nobody reads `a`, or `b` of `a.b`. */
function isIdleTarget(ts: Compiler, node: Node): boolean {
  const { parent } = node;
  if (!ts.isExpressionStatement(parent.parent) || targetOf(ts, parent) !== node) return false;
  return !ts.isBinaryExpression(parent) || !acts(ts, parent.right);
}

/** How the identifier is written, or null: it is read. True: the write is a statement that can go. */
function writeOf(ts: Compiler, node: Identifier): boolean | null {
  return targetOf(ts, node.parent) === node ? isIdleTarget(ts, node) : null;
}

/** Counts the names in a node, those of `scope` only where it is given. */
function count(ts: Compiler, root: Node, uses: Map<string, Use>): void {
  const useOf = (name: string): Use => {
    const use = uses.get(name) ?? { declared: 0, reads: 0, writes: 0, idle: 0, value: undefined, isPure: true };
    uses.set(name, use);
    return use;
  };
  const types = (node: Node): void => {
    if (ts.isTypeQueryNode(node)) visit(node);
    else ts.forEachChild(node, types);
  };
  const visit = (node: Node): void => {
    if (ts.isTypeQueryNode(node) && ts.isIdentifier(node.exprName)) {
      // `typeof NAME` in a type needs the declaration as it is.
      const use = useOf(node.exprName.text);
      use.reads++;
      use.writes++;
    }
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
      ts.forEachChild(node, types);
      return;
    }
    if (ts.isIdentifier(node)) {
      const { parent } = node;
      const isName =
        (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isFunctionDeclaration(parent)) &&
        parent.name === node;
      if (isName) {
        const use = useOf(node.text);
        use.declared++;
        if (ts.isVariableDeclaration(parent) && parent.initializer !== undefined) {
          const isLoop = ts.isForStatement(parent.parent.parent);
          use.value = isLoop ? undefined : literal(ts, parent.initializer);
          use.isPure = !isLoop && !acts(ts, parent.initializer);
        }
        if (!ts.isVariableDeclaration(parent)) use.isPure = false;
      } else if (isReference(ts, node)) {
        const use = useOf(node.text);
        const write = writeOf(ts, node);
        if (write === null) use.reads++;
        else {
          use.writes++;
          if (write) use.idle++;
          // `x += 1` inside an expression, `a = b = 1`.
          const outer = parent.parent;
          if (!ts.isExpressionStatement(outer)) use.reads++;
        }
      }
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(root);
}

/** Names of a scope that have one known value, and those that nobody reads. */
function decide(uses: Map<string, Use>, isKept: (name: string) => boolean): [Map<string, Known>, Set<string>] {
  const values = new Map<string, Known>();
  const unread = new Set<string>();
  for (const [name, use] of uses) {
    if (use.declared !== 1 || isKept(name)) continue;
    if (use.writes === 0 && use.value !== undefined && typeof use.value !== 'string') values.set(name, use.value);
    else if (use.reads === 0 && use.writes === use.idle && use.isPure) unread.add(name);
  }
  return [values, unread];
}

/** A function that only calls another one with its own arguments: the name of that. */
function forwarded(ts: Compiler, statement: Statement): [string, string] | null {
  if (!ts.isFunctionDeclaration(statement) || statement.body?.statements.length !== 1) return null;
  const only = statement.body.statements[0];
  if (!ts.isReturnStatement(only) && !ts.isExpressionStatement(only)) return null;
  const call = only.expression;
  if (call === undefined || !ts.isCallExpression(call) || !ts.isIdentifier(call.expression)) return null;
  const names = statement.parameters.map(({ name }) => name.getText());
  const passed = call.arguments.map((argument) => (ts.isIdentifier(argument) ? argument.text : ''));
  // An argument that is no name is ''.
  if (names.length !== passed.length || names.join() !== passed.join()) return null;
  return [statement.name!.text, call.expression.text];
}

/** What stands in the place of a statement that goes: the body of an `if` is a block. */
function nothing(ts: Compiler, node: Node): Statement {
  const { factory } = ts;
  return ts.isBlock(node.parent) || ts.isSourceFile(node.parent)
    ? factory.createEmptyStatement()
    : factory.createBlock([]);
}

/** Puts values in the place of names, and removes what is not read. */
function replaced(
  ts: Compiler,
  statement: Statement,
  values: Map<string, Known>,
  unread: Set<string>,
  names: Map<string, string>,
): Statement | undefined {
  const { factory } = ts;
  return transformed(ts, statement, (each) => (node) => {
    if (ts.isTypeNode(node)) return node;
    if (ts.isVariableStatement(node)) {
      const left = node.declarationList.declarations.filter(({ name }) => {
        const text = name.getText();
        return !values.has(text) && !unread.has(text);
      });
      if (left.length === 0) return undefined;
      if (left.length < node.declarationList.declarations.length) {
        const list = factory.updateVariableDeclarationList(node.declarationList, left);
        return each(factory.updateVariableStatement(node, node.modifiers, list));
      }
    }
    if (ts.isExpressionStatement(node)) {
      const target = targetOf(ts, node.expression);
      if (target !== undefined && ts.isIdentifier(target) && unread.has(target.text)) return nothing(ts, node);
    }
    if (ts.isIdentifier(node) && isReference(ts, node)) {
      const value = values.get(node.text);
      if (value !== undefined) return expressionOf(ts, value);
      const other = names.get(node.text);
      if (other !== undefined) return factory.createIdentifier(other);
    }
    return each(node);
  });
}

/** One round over a text. */
function round(ts: Compiler, file: SourceFile, isKept: (name: string) => boolean): string {
  const printer = ts.createPrinter();
  const top = new Map<string, Use>();
  count(ts, file, top);
  const [topValues, topUnread] = decide(top, isKept);
  const names = new Map<string, string>();
  for (const statement of file.statements) {
    const pair = forwarded(ts, statement);
    if (pair !== null && !isKept(pair[0]) && !names.has(pair[1])) names.set(pair[0], pair[1]);
  }
  // A name of the top that some function declares for itself is declared twice, and so left alone.
  const outer = file.statements.flatMap((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map(({ name }) => name.getText(file))
      : [],
  );
  const texts: string[] = [];
  for (const statement of file.statements) {
    let values = topValues;
    let unread = topUnread;
    if (ts.isFunctionDeclaration(statement) && statement.body !== undefined) {
      const uses = new Map<string, Use>();
      count(ts, statement.body, uses);
      for (const { name } of statement.parameters) {
        const use = uses.get(name.getText());
        if (use !== undefined) use.declared++;
      }
      // A name that is declared here and at the top may stand for either.
      for (const name of outer) uses.delete(name);
      const [own, ownUnread] = decide(uses, isKept);
      values = new Map([...topValues, ...own]);
      unread = new Set([...topUnread, ...ownUnread]);
    }
    const fold = createFolder(ts, {}, []);
    const changed = replaced(ts, statement, values, unread, names);
    if (changed === undefined) continue;
    const text = printer.printNode(ts.EmitHint.Unspecified, changed, file);
    const again = ts.createSourceFile('part.ts', text, ts.ScriptTarget.ES2022, true);
    for (const part of again.statements) {
      for (const folded of fold(part)) texts.push(printer.printNode(ts.EmitHint.Unspecified, folded, again));
    }
  }
  return texts.join('\n');
}

/** The text without properties that objects of it get and nobody reads. */
function dropProperties(ts: Compiler, file: SourceFile, isKept: (name: string) => boolean): string {
  const made = new Set<string>();
  const read = new Set<string>();
  const collect = (node: Node): void => {
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
      if (!acts(ts, node.initializer)) made.add(node.name.text);
      else read.add(node.name.text);
    } else if (ts.isPropertyAccessExpression(node) && !isIdleTarget(ts, node)) read.add(node.name.text);
    else if (ts.isElementAccessExpression(node) && ts.isStringLiteral(node.argumentExpression)) {
      read.add(node.argumentExpression.text);
    }
    ts.forEachChild(node, collect);
  };
  collect(file);
  // Objects that the entry exports are read elsewhere.
  const leave = (node: Node): void => {
    if (ts.isPropertyAssignment(node)) read.add(node.name.getText(file));
    ts.forEachChild(node, leave);
  };
  for (const statement of file.statements) {
    const returns = (node: Node): void => {
      if (ts.isReturnStatement(node)) leave(node);
      else ts.forEachChild(node, returns);
    };
    if (ts.isFunctionDeclaration(statement) && isKept(statement.name!.text)) returns(statement);
    if (!ts.isVariableStatement(statement)) continue;
    if (statement.declarationList.declarations.some(({ name }) => isKept(name.getText(file)))) leave(statement);
  }
  for (const name of read) made.delete(name);
  if (made.size === 0) return file.text;
  return printed(ts, file, (statement) =>
    transformed(ts, statement, (each) => (node) => {
      if (ts.isPropertyAssignment(node) && made.has(node.name.getText())) return undefined;
      if (ts.isPropertySignature(node) && made.has(node.name.getText())) return undefined;
      if (ts.isExpressionStatement(node)) {
        const target = targetOf(ts, node.expression);
        if (target !== undefined && ts.isPropertyAccessExpression(target) && made.has(target.name.text)) {
          return nothing(ts, node);
        }
      }
      return each(node);
    }),
  );
}

/** The text without what has no use; `prune` removes declarations that nothing reaches. */
export function shrink(
  ts: Compiler,
  text: string,
  isKept: (name: string) => boolean,
  prune: (file: SourceFile) => string,
): string {
  const parse = (code: string): SourceFile => ts.createSourceFile('device.ts', code, ts.ScriptTarget.ES2022, true);
  let last = text;
  for (let i = 0; i < ROUNDS_MAX; i++) {
    let next = round(ts, parse(last), isKept);
    next = inlineCalls(ts, parse(next), isKept);
    next = dropProperties(ts, parse(next), isKept);
    next = dropParameters(ts, parse(next), isKept);
    next = placeBodies(ts, parse(next), isKept);
    next = prune(parse(next));
    if (next === last) break;
    last = next;
  }
  return last;
}
