// Definition before use. Espruino does not hoist functions, and a later constant is an error. So code that runs while the
// module loads may use only definitions above it, also through the functions that it calls. Inside a body that runs later,
// order does not matter.

import ts from 'typescript';
import type { Note } from './subset.ts';

type Container = ts.SignatureDeclaration | ts.SourceFile;

export function orderFindings(source: ts.SourceFile, checker: ts.TypeChecker, note: Note): void {
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const definition = definitionOf(node, source, checker);
      if (definition !== undefined && definition.name !== node) {
        const here = containerOf(node);
        const isSameLevel = containerOf(definition) === here;
        if (isSameLevel && definition.getStart(source) > node.getStart(source)) {
          note(node, 'use-before-definition');
        } else if (here === source && isCalled(node)) {
          const late = lateUse(definition, node.getStart(source), source, checker, new Set());
          if (late !== undefined) note(node, 'use-before-definition', node.text + ' uses ' + late + ', defined later');
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
}

type Definition = ts.FunctionDeclaration | ts.VariableDeclaration | ts.ClassDeclaration;

function definitionOf(node: ts.Identifier, source: ts.SourceFile, checker: ts.TypeChecker): Definition | undefined {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return undefined;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return undefined;
  if (ts.isPartOfTypeNode(node) || ts.isTypeQueryNode(parent) || ts.isExportSpecifier(parent)) return undefined;
  const symbol = ts.isShorthandPropertyAssignment(parent)
    ? checker.getShorthandAssignmentValueSymbol(parent)
    : checker.getSymbolAtLocation(node);
  const declaration = symbol?.valueDeclaration;
  if (declaration === undefined || declaration.getSourceFile() !== source) return undefined;
  if (ts.isFunctionDeclaration(declaration) || ts.isClassDeclaration(declaration)) return declaration;
  return ts.isVariableDeclaration(declaration) ? declaration : undefined;
}

function containerOf(node: ts.Node): Container {
  let up = node.parent;
  while (!ts.isSourceFile(up) && !(ts.isFunctionLike(up) && 'body' in up)) up = up.parent;
  return up as Container;
}

function isCalled(node: ts.Identifier): boolean {
  const parent = node.parent;
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === node;
}

/** The name of a module-level definition below `position` that running `definition` would use. */
function lateUse(
  definition: Definition,
  position: number,
  source: ts.SourceFile,
  checker: ts.TypeChecker,
  seen: Set<Definition>,
): string | undefined {
  if (seen.has(definition)) return undefined;
  seen.add(definition);
  let late: string | undefined;
  const visit = (node: ts.Node): void => {
    if (late !== undefined) return;
    if (ts.isIdentifier(node)) {
      const used = definitionOf(node, source, checker);
      if (used !== undefined && used.name !== node && containerOf(used) === source) {
        if (used.getStart(source) > position) late = node.text;
        else if (isCalled(node)) late = lateUse(used, position, source, checker, seen);
      }
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(definition, visit);
  return late;
}
