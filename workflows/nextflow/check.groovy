// What can be checked of Nextflow files without Nextflow: all are parsed, and a process is rendered.
//
//   java -cp 'LIBS/*' groovy.ui.GroovyMain check.groovy parse FILE...
//   java -cp 'LIBS/*' groovy.ui.GroovyMain check.groovy script|stub MAIN.NF TASK
//
// TASK is a file of JSON: {"ext": {"args", "prefix"}, "values": {input: value}, "files": {input: name or names}}.
// Written is JSON: {"script": text, "outputs": {emit: {"optional": bool, "path" | "eval": text}}}.

import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.Phases

// A file that Nextflow staged: in a script it stands with its special characters escaped.
class Staged {
    String name
    String toString() { name.replaceAll(/([ '"\\()&|<>$!`])/, '\\\\$1') }
}

// Several files that Nextflow staged.
class StagedFiles {
    List<Staged> files
    String toString() { files.join(' ') }
}

// The words after emit: and topic: are names.
class Names extends Binding {
    Object getVariable(String name) { hasVariable(name) ? super.getVariable(name) : name }
}

def staged(file) {
    if (file instanceof List) {
        return file ? new StagedFiles(files: file.collect { name -> new Staged(name: name) }) : []
    }
    return new Staged(name: file)
}

def (what, path) = args
if (what == 'parse') {
    args.drop(1).each { name ->
        def unit = new CompilationUnit()
        unit.addSource(new File(name))
        unit.compile(Phases.CONVERSION)        // throws with file and line
    }
    return
}

def blocks = new File(path).text.split(/(?m)^    (?=\w+:$)/).collectEntries { text ->
    def (label, block) = text.contains(':\n') ? text.split(':\n', 2) : ['', text]
    [label, block.replaceFirst(/(?m)^}\s*\z/, '')]
}
def task = new JsonSlurper().parse(new File(args[2]))
def shown = [meta: [id: 'sample'], moduleDir: '.', task: [cpus: 1, process: 'CHECK', ext: task.ext],
             error: { message -> System.err.println(message); System.exit(1) }] +
    task.values + task.files.collectEntries { input, file -> [input, staged(file)] }
def binding = new Binding(shown)
def script = new GroovyShell(binding).evaluate(blocks[what]).stripIndent()

def outputs = [:]
def element = { kind -> { ...words -> [(kind): words.last().toString()] } }
def names = new Names()
binding.variables.each { name, value -> names.setVariable(name, value) }
['val', 'path', 'eval'].each { kind -> names.setVariable(kind, element(kind)) }
names.setVariable('tuple', { Map options, Object... elements ->
    outputs[options.emit] = [optional: options.optional ?: false] + elements.last()
})
new GroovyShell(names).evaluate(blocks.output)
println JsonOutput.toJson([script: script, outputs: outputs])
