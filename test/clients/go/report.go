package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// errLacking says that a client has no such call: the step is left out.
var errLacking = errors.New("the client has no such call")

// A line is what the program prints for each step.
type line struct {
	Step   string `json:"step"`
	Result any    `json:"result,omitempty"`
	Error  any    `json:"error,omitempty"`
}

// A report is what steps gave, without what differs from run to run. Steps side by side need reports of their own.
type report struct {
	title string
	lines []line
}

// step reports what a call gives.
func step[T any](r *report, name string, act func() (T, error)) {
	result, err := act()
	switch {
	case errors.Is(err, errLacking):
	case err != nil:
		r.lines = append(r.lines, line{Step: r.title + name, Error: alike(told(err))})
	default:
		r.lines = append(r.lines, line{Step: r.title + name, Result: alike(result)})
	}
}

// do is step for calls that give nothing but an error.
func (r *report) do(name string, act func() error) {
	step(r, name, func() (string, error) { return "done", act() })
}

func (r *report) print() {
	for _, one := range r.lines {
		fmt.Println(textOf(one))
	}
}

func told(err error) any {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err.Error()
	}
	told := status.Status()
	if told.Details != nil {
		// kube-apiserver finds the same fault several times, by the layers that a kind passes.
		slices.SortFunc(told.Details.Causes, func(one, other metav1.StatusCause) int { return strings.Compare(textOf(one), textOf(other)) })
		told.Details.Causes = slices.Compact(told.Details.Causes)
	}
	return told
}

// alike gives a value as JSON has it, with words in place of what differs from run to run.
func alike(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		panic(err)
	}
	return settled("", plain)
}

var (
	uids       = regexp.MustCompile(`X509SHA256=[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times      = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z`)
	quoted     = regexp.MustCompile(`"\{(?:[^"\\]|\\.)*"`)
	randomKeys = []string{"resourceVersion", "continue"}
)

func settled(key string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			delete(value, name)
			value[uids.ReplaceAllString(name, "UID")] = settled(name, field)
		}
	case []any:
		for index, item := range value {
			value[index] = settled("", item)
		}
		if key == "managedFields" {
			// kube-apiserver sorts by time, and times may differ by a second.
			slices.SortFunc(value, func(one, other any) int { return strings.Compare(textOf(one), textOf(other)) })
		}
	case string:
		return settledText(key, value)
	}
	return value
}

func textOf(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

// sortedFields sorts the fields of an object that a message quotes: Go's structs have an order of their own.
func sortedFields(quoted string) string {
	var text string
	var value any
	if json.Unmarshal([]byte(quoted), &text) != nil || json.Unmarshal([]byte(text), &value) != nil {
		return quoted
	}
	return textOf(textOf(settled("", value)))
}

func settledText(key, text string) string {
	if text != "" && slices.Contains(randomKeys, key) {
		return "some"
	}
	text = quoted.ReplaceAllStringFunc(text, sortedFields)
	return times.ReplaceAllStringFunc(uids.ReplaceAllString(text, "UID"), func(text string) string {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || time.Since(at).Abs() > time.Hour {
			return text
		}
		_, fraction, _ := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
		return "now" + strings.Repeat("0", len(fraction))
	})
}
