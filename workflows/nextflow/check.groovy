// What can be checked of Nextflow files without Nextflow: all are parsed, and the script block of a process is rendered.
//
//   java -cp 'LIBS/*' groovy.ui.GroovyMain check.groovy parse FILE...
//   java -cp 'LIBS/*' groovy.ui.GroovyMain check.groovy script|stub MAIN.NF PROTEINS ARGS [PREFIX]

import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.Phases

def (what, path) = args
if (what == 'parse') {
    args.drop(1).each { name ->
        def unit = new CompilationUnit()
        unit.addSource(new File(name))
        unit.compile(Phases.CONVERSION)        // throws with file and line
    }
} else {
    def text = new File(path).text
    def functions = text.split(/(?m)^process /)[0]
    def block = text.split(/(?m)^    ${what}:$/)[1].split(/(?m)^    \w+:$|^}$/)[0]
    def shown = [meta: [id: 'sample'], proteins: new File(args[2]), moduleDir: '.',
                 error: { message -> System.err.println(message); System.exit(1) },
                 task: [cpus: 1, process: 'CHECK', ext: [args: args[3], prefix: args.length > 4 ? args[4] : null]]]
    print new GroovyShell(new Binding(shown)).evaluate(functions + block).stripIndent()
}
