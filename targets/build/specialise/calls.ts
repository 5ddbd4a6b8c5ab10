// Looks at functions by all their calls: a parameter that always gets the same literal, or that the function does not use, goes;
// a function that is called in one place stands there. An interpreter's function costs memory, its call time.

import type { Block, CallExpression, Expression, FunctionDeclaration, Node, SourceFile, Statement } from 'typescript';
import { type Compiler, expressionOf, type Known, literal } from './fold.ts';
import { acts, isReference, localsOf, mentions, printed, targetOf, transformed } from './syntax.ts';

/** A function of the top: its calls, and whether it is used otherwise. */
interface Called {
  node: FunctionDeclaration;
  calls: CallExpression[];
  /** The function that each call is in; null: a statement of the top. */
  callers: (FunctionDeclaration | null)[];
  isValue: boolean;
}

/** The functions of a file by name. */
function functionsOf(ts: Compiler, file: SourceFile): Map<string, Called> {
  const all = new Map<string, Called>();
  for (const node of file.statements) {
    if (ts.isFunctionDeclaration(node)) all.set(node.name!.text, { node, calls: [], callers: [], isValue: false });
  }
  for (const statement of file.statements) {
    const caller = ts.isFunctionDeclaration(statement) ? statement : null;
    const visit = (node: Node): void => {
      if (ts.isIdentifier(node) && isReference(ts, node)) {
        const called = all.get(node.text);
        if (called !== undefined) {
          if (ts.isCallExpression(node.parent) && node.parent.expression === node) {
            called.calls.push(node.parent);
            called.callers.push(caller);
          } else called.isValue = true;
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(statement);
  }
  return all;
}

/** How often a function reads a parameter, and whether it writes it. */
function usesOf(ts: Compiler, f: FunctionDeclaration, name: string): { reads: number; isWritten: boolean } {
  let reads = 0;
  let isWritten = false;
  const visit = (node: Node): void => {
    if (ts.isIdentifier(node) && node.text === name && isReference(ts, node)) {
      reads++;
      if (targetOf(ts, node.parent) === node) isWritten = true;
    }
    ts.forEachChild(node, visit);
  };
  visit(f.body!);
  return { reads, isWritten };
}

/** Parameters that go: by function, index and value (undefined: it is not used). */
function planParameters(
  ts: Compiler,
  all: Map<string, Called>,
  isKept: (name: string) => boolean,
): Map<string, Map<number, Known>> {
  const plan = new Map<string, Map<number, Known>>();
  for (const [name, { node, calls, isValue }] of all) {
    if (isKept(name) || isValue || calls.length === 0) continue;
    const gone = new Map<number, Known>();
    node.parameters.forEach((parameter, i) => {
      const own = parameter.name.getText();
      const given = calls.map((call) => call.arguments[i]);
      if (given.some((argument) => argument === undefined || acts(ts, argument))) return;
      const { reads, isWritten } = usesOf(ts, node, own);
      if (reads === 0) gone.set(i, undefined);
      else if (!isWritten && localCount(ts, node, own) === 1) {
        const value = literal(ts, given[0]);
        if (value === undefined || typeof value === 'string') return;
        if (given.every((argument) => literal(ts, argument) === value)) gone.set(i, value);
      }
    });
    if (gone.size > 0) plan.set(name, gone);
  }
  return plan;
}

function localCount(ts: Compiler, f: FunctionDeclaration, name: string): number {
  let count = 0;
  const visit = (node: Node): void => {
    if ((ts.isVariableDeclaration(node) || ts.isParameter(node)) && node.name.getText() === name) count++;
    ts.forEachChild(node, visit);
  };
  visit(f);
  return count;
}

/** The text without parameters that all calls give the same literal, or that are not used. */
export function dropParameters(ts: Compiler, file: SourceFile, isKept: (name: string) => boolean): string {
  const { factory } = ts;
  const plan = planParameters(ts, functionsOf(ts, file), isKept);
  if (plan.size === 0) return file.text;
  return printed(ts, file, (statement) => {
    const own = ts.isFunctionDeclaration(statement) ? plan.get(statement.name!.text) : undefined;
    const values = new Map<string, Known>();
    if (own !== undefined && ts.isFunctionDeclaration(statement)) {
      for (const [i, value] of own) values.set(statement.parameters[i].name.getText(), value);
    }
    return transformed(ts, statement, (each) => (node) => {
      if (ts.isTypeNode(node)) return node;
      if (ts.isParameter(node) && values.has(node.name.getText())) return undefined;
      if (ts.isIdentifier(node) && isReference(ts, node) && values.has(node.text)) {
        const value = values.get(node.text);
        if (value !== undefined) return expressionOf(ts, value);
      }
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
        const gone = plan.get(node.expression.text);
        const inner = each(node) as CallExpression;
        if (gone === undefined) return inner;
        const left = inner.arguments.filter((_argument, i) => !gone.has(i));
        return factory.updateCallExpression(inner, inner.expression, undefined, left);
      }
      return each(node);
    });
  });
}

/** How a call stands: alone, or as what is returned. */
interface Place {
  statement: Statement;
  kind: 'alone' | 'returned';
}

function placeOf(ts: Compiler, call: CallExpression): Place | null {
  let node: Node = call;
  while (ts.isParenthesizedExpression(node.parent)) node = node.parent;
  const { parent } = node;
  if (ts.isExpressionStatement(parent)) return { statement: parent, kind: 'alone' };
  if (ts.isReturnStatement(parent)) return { statement: parent, kind: 'returned' };
  return null;
}

function returnsOf(ts: Compiler, body: Block): Node[] {
  const found: Node[] = [];
  const visit = (node: Node): void => {
    if (ts.isReturnStatement(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(body);
  return found;
}

/** The statement is the last that its function does. */
function isTail(ts: Compiler, statement: Statement, f: FunctionDeclaration): boolean {
  let node: Node = statement;
  for (;;) {
    const { parent } = node;
    if (parent === f.body) return f.body!.statements[f.body!.statements.length - 1] === node;
    if (ts.isBlock(parent)) {
      if (parent.statements[parent.statements.length - 1] !== node) return false;
      if (!ts.isIfStatement(parent.parent) && !ts.isBlock(parent.parent)) return false;
    } else if (!ts.isIfStatement(parent)) return false;
    node = parent;
  }
}

/** The name is a constant of the function. */
function isConstant(ts: Compiler, f: FunctionDeclaration, name: Expression): boolean {
  const visit = (node: Node): boolean => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name.getText()) {
      if ((node.parent.flags & ts.NodeFlags.Const) !== 0) return true;
    }
    return ts.forEachChild(node, (child) => visit(child) || undefined) === true;
  };
  return visit(f);
}

/** A function's body for the place of its only call; null: it does not fit there. */
function bodyFor(
  ts: Compiler,
  f: FunctionDeclaration,
  call: CallExpression,
  caller: FunctionDeclaration,
): Block | null {
  const { factory } = ts;
  const place = placeOf(ts, call);
  if (place === null) return null;
  const returns = returnsOf(ts, f.body!);
  if (place.kind === 'alone') {
    const hasValues = returns.some((node) => ts.isReturnStatement(node) && node.expression !== undefined);
    if (returns.length > 0 && (hasValues || !isTail(ts, place.statement, caller))) return null;
  } else {
    const last = f.body!.statements[f.body!.statements.length - 1];
    const ends = last !== undefined && (ts.isReturnStatement(last) || ts.isThrowStatement(last));
    // A body that runs to its end would go on in the caller.
    if (!ends && (caller.type?.getText() !== 'void' || !isTail(ts, place.statement, caller))) return null;
  }
  const callerNames = new Set(mentions(ts, caller).keys());
  const locals = localsOf(ts, f);
  const parameters = f.parameters.map(({ name }) => name.getText());
  const callerLocals = localsOf(ts, caller);
  for (const name of mentions(ts, f.body!).keys()) if (!locals.has(name) && callerLocals.has(name)) return null;
  const renamed = new Map<string, string>();
  for (const name of locals) {
    if (!callerNames.has(name)) continue;
    let other = name;
    for (let i = 2; callerNames.has(other) || locals.has(other); i++) other = name + i;
    renamed.set(name, other);
    callerNames.add(other);
  }
  const before: Statement[] = [];
  const given = new Map<string, Expression>();
  parameters.forEach((name, i) => {
    const argument = call.arguments[i];
    const { isWritten, reads } = usesOf(ts, f, name);
    const isOwn = ts.isIdentifier(argument) && callerLocals.has(argument.text);
    // A name of the caller may be used as it is, where it is not written, or not read any more.
    const isTaken = call.arguments.some((other, k) => k !== i && mentions(ts, other).has(argument.getText()));
    const isFree = place.kind === 'returned' && !isTaken && !isConstant(ts, caller, argument);
    if (isOwn && (!isWritten || isFree)) given.set(name, argument);
    else if (!isWritten && (literal(ts, argument) !== undefined || (reads === 0 && !acts(ts, argument)))) {
      given.set(name, argument);
    } else {
      const own = renamed.get(name) ?? name;
      const flags = isWritten ? ts.NodeFlags.Let : ts.NodeFlags.Const;
      const declaration = factory.createVariableDeclaration(own, undefined, f.parameters[i].type, argument);
      before.push(
        factory.createVariableStatement(undefined, factory.createVariableDeclarationList([declaration], flags)),
      );
    }
  });
  // Arguments are evaluated before the body, in order: those that stay in place may not depend on the others.
  if (call.arguments.some((argument) => acts(ts, argument)) && before.length < parameters.length) {
    for (const argument of given.values())
      if (!ts.isIdentifier(argument) && literal(ts, argument) === undefined) return null;
  }
  const body = transformed(ts, f.body!, (each) => (node) => {
    if (ts.isTypeNode(node)) return node;
    if (ts.isIdentifier(node)) {
      const { parent } = node;
      const isProperty =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node);
      if (isProperty) return node;
      const argument = isReference(ts, node) ? given.get(node.text) : undefined;
      if (argument !== undefined) return argument;
      const other = renamed.get(node.text);
      return other === undefined ? node : factory.createIdentifier(other);
    }
    return each(node);
  }) as Block;
  return factory.createBlock([...before, ...body.statements], true);
}

/** The text with each function that is called in one place put there, where that place takes its statements. */
export function placeBodies(ts: Compiler, file: SourceFile, isKept: (name: string) => boolean): string {
  const all = functionsOf(ts, file);
  const bodies = new Map<CallExpression, Block>();
  const gone = new Set<string>();
  const busy = new Set<string>();
  for (const [name, { node, calls, callers, isValue }] of all) {
    const caller = callers[0];
    if (isKept(name) || isValue || calls.length !== 1 || caller === null || caller === node) continue;
    // One at a time: a body that changes is not copied, and a function takes one body a round.
    if (busy.has(name) || busy.has(caller.name!.text)) continue;
    const body = bodyFor(ts, node, calls[0], caller);
    if (body === null) continue;
    bodies.set(calls[0], body);
    gone.add(name);
    busy.add(name);
    busy.add(caller.name!.text);
  }
  if (gone.size === 0) return file.text;
  return printed(ts, file, (statement) => {
    if (ts.isFunctionDeclaration(statement) && gone.has(statement.name!.text)) return undefined;
    return transformed(ts, statement, (each) => (node) => {
      if (ts.isExpressionStatement(node) || ts.isReturnStatement(node)) {
        let call: Node | undefined = node.expression;
        while (call !== undefined && ts.isParenthesizedExpression(call)) call = call.expression;
        const body = call !== undefined && ts.isCallExpression(call) ? bodies.get(call) : undefined;
        if (body !== undefined) return body;
      }
      return each(node);
    });
  });
}
